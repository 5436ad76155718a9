import manifest from '../../package.json' with { type: 'json' }

/** The release of PgBouncer whose interface this is. */
const pgBouncerVersion = '1.25.2'

/** Taxirank's own version. */
export const version: string = manifest.version

/** What SHOW VERSION and the first line of `--version` say. */
export const versionLine = `PgBouncer ${pgBouncerVersion} (Taxirank ${version})`
