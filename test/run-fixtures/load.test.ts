import { it } from 'node:test'

it('is declared before the file fails', () => undefined)

throw new Error('the file does not load')
