/** All requests that succeed, inside a transaction block or outside, as often as they are to be drawn. */

import {
  addition,
  call,
  copyOut,
  extendedCopyOut,
  extendedFacts,
  extendedInsert,
  facts,
  fetchedInParts,
  insert,
  noBelongings,
  nothing,
  notices,
  rows,
  several,
  type Build,
} from './exchanges.ts'
import { usePrepared } from './prepared.ts'

export const succeeding: readonly Build[] = [
  facts,
  facts,
  facts,
  rows,
  insert,
  insert,
  nothing,
  notices,
  several,
  extendedFacts,
  extendedFacts,
  noBelongings,
  usePrepared,
  usePrepared,
  extendedInsert,
  fetchedInParts,
  call,
  addition,
  copyOut,
  extendedCopyOut,
]
