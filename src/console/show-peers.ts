import { show } from './command.ts'
import { int4, text } from './result.ts'

const peer = [int4('peer_id'), text('host'), int4('port'), int4('pool_size')]
const figures = ['peer_id', 'cl_active_cancel_req', 'cl_waiting_cancel_req', 'sv_active_cancel', 'sv_login']

/** There are no peers. */
export const showPeers = show('PEERS', peer, () => [])
export const showPeerPools = show('PEER_POOLS', figures.map(int4), () => [])
