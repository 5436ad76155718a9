/** What the pooler calls prepared statements on servers begins with it, and nothing of a client's ought to. */
export const ourPrefix = 'taxirank_'
