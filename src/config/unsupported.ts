/**
 * Names that PgBouncer knows and this version doesn't carry out. They are refused by name, so that nobody believes a
 * setting works that doesn't, and "unknown" is said only of what PgBouncer wouldn't know either.
 */

import type { Section } from './settings.ts'

/** By section. A name that has a row in settings.ts does not stand here. */
export const unsupported: Readonly<Record<Section, ReadonlySet<string>>> = {
  pgbouncer: words(`
    application_name_add_host auth_dbname auth_hba_file auth_ident_file auth_ldap_options auth_query auth_user
    autodb_idle_timeout client_idle_timeout client_tls13_ciphers client_tls_ca_file client_tls_cert_file
    client_tls_ciphers client_tls_dheparams client_tls_ecdhcurve client_tls_key_file client_tls_protocols
    client_tls_sslmode conffile disable_pqexec dns_max_ttl dns_nxdomain_ttl dns_zone_check_period
    idle_transaction_timeout job_name log_stats login_notify_message max_db_client_connections max_db_connections
    max_packet_size max_prepared_statements max_user_client_connections max_user_connections min_pool_size peer_id
    pkt_buf pool_idle_timeout query_timeout query_wait_notify reserve_pool_size reserve_pool_timeout resolv_conf
    sbuf_loopcnt scram_iterations server_check_delay server_check_query server_fast_close server_idle_timeout
    server_lifetime server_reset_query server_reset_query_always server_round_robin server_tls13_ciphers
    server_tls_ca_file server_tls_cert_file server_tls_ciphers server_tls_key_file server_tls_protocols
    server_tls_sslmode service_name so_reuseport stats_period suspend_timeout syslog syslog_facility syslog_ident
    tcp_defer_accept tcp_keepalive tcp_keepcnt tcp_keepidle tcp_keepintvl tcp_socket_buffer tcp_user_timeout
    track_extra_parameters transaction_timeout unix_socket_group unix_socket_mode`),
  databases: words(`
    auth_dbname auth_query auth_user connect_query load_balance_hosts max_db_client_connections max_db_connections
    min_pool_size password pool_mode query_wait_timeout reserve_pool reserve_pool_size server_lifetime`),
  users: words(`
    client_idle_timeout idle_transaction_timeout max_user_client_connections max_user_connections pool_mode pool_size
    query_timeout query_wait_timeout reserve_pool_size transaction_timeout`),
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/))
}
