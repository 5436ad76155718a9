import { type Effect, type Effects, noEffects } from './effect.ts'

export class Classifier {
  classify(bytes: Buffer, from: number, to: number): Effects {
    const text = bytes.toString('latin1', from, to)
    const effects: Effect[] = []
    for (const part of text.split(';')) {
      const t = part.trim()
      let m: RegExpMatchArray | null
      if (/^set\s+(local|transaction|constraints)\b/i.test(t)) continue
      if ((m = t.match(/^set\s+(?:session\s+)?role\b/i))) effects.push({ kind: 'set', name: 'role', value: undefined })
      else if ((m = t.match(/^set\s+session\s+authorization/i)))
        effects.push({ kind: 'set', name: 'session_authorization', value: undefined })
      else if (/^set\s+time\s+zone/i.test(t)) effects.push({ kind: 'set', name: 'timezone', value: undefined })
      else if (/^set\s+session\s+characteristics/i.test(t))
        for (const name of [
          'default_transaction_isolation',
          'default_transaction_read_only',
          'default_transaction_deferrable',
        ])
          effects.push({ kind: 'set', name, value: undefined })
      else if ((m = t.match(/^set\s+(?:session\s+)?([\w.]+)\s*(?:=|\bto\b)/i)))
        effects.push({ kind: 'set', name: (m[1] as string).toLowerCase(), value: undefined })
      else if (/^reset\s+all/i.test(t)) effects.push({ kind: 'reset all' })
      else if ((m = t.match(/^reset\s+([\w.]+)/i)))
        effects.push({ kind: 'set', name: (m[1] as string).toLowerCase(), value: null })
      else if ((m = t.match(/set_config\s*\(\s*'([^']+)'\s*,\s*'[^']*'\s*,\s*(true|false)/i))) {
        if (m[2] === 'false') effects.push({ kind: 'set', name: (m[1] as string).toLowerCase(), value: undefined })
      } else if (/^do\b|^call\b|set_config|update\s+pg_settings/i.test(t))
        effects.push({ kind: 'set unknown', mentioned: [...t.matchAll(/'(\w+\.\w+)'/g)].map((x) => x[1] as string) })
      else if ((m = t.match(/^prepare\s+(\w+)/i)))
        effects.push({ kind: 'prepare', statement: { name: m[1] as string, from: 0, to: 0 } })
      else if (/^deallocate\s+all/i.test(t)) effects.push({ kind: 'deallocate all' })
      else if ((m = t.match(/^deallocate\s+(?:prepare\s+)?(\w+)/i)))
        effects.push({ kind: 'deallocate', statement: { name: m[1] as string, from: 0, to: 0 } })
      else if ((m = t.match(/^discard\s+(all|plans|sequences|temp)/i)))
        effects.push({ kind: 'discard', what: (m[1] as string).toLowerCase() as 'all' })
      else if ((m = t.match(/^listen\s+(\w+)/i))) effects.push({ kind: 'listen', channel: m[1] as string })
      else if ((m = t.match(/^unlisten/i))) effects.push({ kind: 'unlisten', channel: undefined })
      else if (/temp(orary)?\s|pg_temp/i.test(t)) effects.push({ kind: 'temporary' })
      else if (/pg_(try_)?advisory_(?!xact)(lock|unlock)/i.test(t) && !/xact/i.test(t))
        effects.push({ kind: /unlock/i.test(t) ? 'unlock' : 'lock' })
      else if (/with\s+hold/i.test(t)) effects.push({ kind: 'hold' })
      else if (/^load\b|setseed|dblink_connect/i.test(t)) effects.push({ kind: 'indelible', what: 'LOAD' })
      else if (/currval|lastval/i.test(t)) effects.push({ kind: 'read sequence' })
    }
    return effects.length === 0 ? noEffects : effects
  }
}
