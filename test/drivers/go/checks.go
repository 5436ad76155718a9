// What a step demands of both drivers for Go, told how this one asks. A driver's script keeps what is its own.
package main

import (
	"os"
	"strings"
	"time"
)

const (
	words       = "Ťaxi 日本語 🚕 e\u0301"
	selectTaxis = "select n, 'taxi ' || n from generate_series(1, 3) n"
	// What both send as startup parameters, being no settings of their own, and how a SELECT sees them.
	settingsAtConnect = "application_name=meter search_path=tenant,public work_mem=5MB"
	selectSettings    = `select pg_backend_pid(), owner || ', ' || current_setting('work_mem') || ', ' ||
		current_setting('application_name') from whose`
)

var (
	big      = strings.Repeat("x", 8*1024*1024)
	nulBytes = []byte{0, 1, 0, 255, 0}
	taxis    = []string{"1taxi 1", "2taxi 2", "3taxi 3"}
)

func connectionString(port, user string, more ...string) string {
	parts := []string{
		"host=" + os.Getenv("DRIVER_HOST"), "port=" + os.Getenv(port), "user=" + os.Getenv(user),
		"dbname=" + os.Getenv("DRIVER_DATABASE"), "sslmode=disable",
	}
	return strings.Join(append(parts, more...), " ")
}

// connects wants current_user from userOf, which connects by a connection string.
func connects(userOf func(connection string) (string, error)) {
	scram := func(password string) string {
		return connectionString("DRIVER_SCRAM_PORT", "DRIVER_SCRAM_USER", "password='"+password+"'")
	}
	// The last fails when TLS is not to be had.
	authority := "sslrootcert=" + os.Getenv("DRIVER_AUTHORITY")
	for connection, wanted := range map[string]string{
		connectionString("DRIVER_PORT", "DRIVER_USER"):                                   os.Getenv("DRIVER_USER"),
		scram(os.Getenv("DRIVER_PASSWORD")):                                              os.Getenv("DRIVER_SCRAM_USER"),
		connectionString("DRIVER_PORT", "DRIVER_USER", "sslmode=verify-full", authority): os.Getenv("DRIVER_USER"),
	} {
		got, err := userOf(connection)
		must(err)
		equal(got, wanted)
	}
	mustFail(func() error { _, err := userOf(scram("wrong")); return err })
}

// nobodySleeps wants zero from count, which answers the only number of a SELECT.
func nobodySleeps(count func(query string) int) {
	const asleep = "select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'"
	for end := time.Now().Add(3 * time.Second); count(asleep) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			panic("pg_sleep goes on")
		}
	}
}

// survivesRestart wants a right answer or an error from the old connection, and an answer from a new one.
func survivesRestart(ask func(query string) (int, error), askAnew func(query string) (int, error)) {
	answer, err := ask("select 1")
	must(err)
	equal(answer, 1)
	askRunner("restart")
	if answer, err = ask("select 2"); err == nil {
		equal(answer, 2)
	}
	answer, err = askAnew("select 3")
	must(err)
	equal(answer, 3)
}

// fiftyAnswers asks at once, and wants from each its own number.
func fiftyAnswers(ask func(n int, got *int) error) {
	var got [50]int
	failures := make(chan error, len(got))
	for n := range got {
		go func(n int) { failures <- ask(n, &got[n]) }(n)
	}
	for range got {
		must(<-failures)
	}
	for n, answer := range got {
		equal(answer, n)
	}
}

// keepsSettings wants what was set at connect from ask, which answers the row of selectSettings.
func keepsSettings(ask func() (pid int, settings string), hold func() holder) {
	onTwoServers(func() int {
		pid, settings := ask()
		equal(settings, "the tenant’s, 5MB, meter")
		return pid
	}, hold)
}

// migratesOnce wants that the first is new, and that the second finds nothing to do.
func migratesOnce(migrate func() (inserted int64)) {
	equal([]int64{migrate(), migrate()}, []int64{1, 0})
}
