/** Guards against our own bugs. Never for what the world sends: bad bytes and bad settings get a TaxirankError. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`taxirank bug: ${message}`)
}
