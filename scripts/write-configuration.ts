/** `npm run docs`: writes docs/configuration.md from the table of settings. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configurationDocument } from '../src/config/describe-settings.ts'

writeFileSync(join(import.meta.dirname, '../docs/configuration.md'), configurationDocument())
