// pgx 4: statements are prepared by name and cached, or with DRIVER_PREPARE=false go by the simple protocol.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
)

var background = context.Background()

// open has it closed when the step is over.
func open(connection string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(connection)
	must(err)
	config.PreferSimpleProtocol = !prepares
	if !prepares {
		config.BuildStatementCache = nil
	}
	return connectWith(config)
}

func connectWith(config *pgx.ConnConfig) (*pgx.Conn, error) {
	link, err := pgx.ConnectConfig(background, config)
	if err == nil {
		atEnd(func() { link.Close(background) })
	}
	return link, err
}

func connect(more ...string) *pgx.Conn {
	link, err := open(connectionString("DRIVER_PORT", "DRIVER_USER", more...))
	must(err)
	return link
}

type link interface {
	QueryRow(context.Context, string, ...interface{}) pgx.Row
	Exec(context.Context, string, ...interface{}) (pgconn.CommandTag, error)
}

func text(from link, query string, parameters ...interface{}) (found string) {
	must(from.QueryRow(background, query, parameters...).Scan(&found))
	return
}

func number(from link, query string, parameters ...interface{}) (found int) {
	must(from.QueryRow(background, query, parameters...).Scan(&found))
	return
}

func numberOrError(from link, query string) (found int, err error) {
	err = from.QueryRow(background, query).Scan(&found)
	return
}

func run(on link, statement string, parameters ...interface{}) int64 {
	tag, err := on.Exec(background, statement, parameters...)
	must(err)
	return tag.RowsAffected()
}

func codeOf(err error) string {
	var known *pgconn.PgError
	if errors.As(err, &known) {
		return known.Code
	}
	return err.Error()
}

func failing(on link, statement string, parameters ...interface{}) string {
	return codeOf(mustFail(func() error {
		_, err := on.Exec(background, statement, parameters...)
		return err
	}))
}

func begin(on interface {
	Begin(context.Context) (pgx.Tx, error)
}) pgx.Tx {
	tx, err := on.Begin(background)
	must(err)
	return tx
}

func hold() holder {
	tx := begin(connect())
	return holder{number(tx, "select pg_backend_pid()"), func() { tx.Rollback(background) }}
}

func main() {
	runSteps(map[int]func(){
		1: func() {
			connects(func(connection string) (string, error) {
				one, err := open(connection)
				if err != nil {
					return "", err
				}
				return text(one, "select current_user::text"), nil
			})
		},
		2: func() {
			rows, err := connect().Query(background, selectTaxis)
			must(err)
			var got []string
			for rows.Next() {
				values, err := rows.Values()
				must(err)
				got = append(got, fmt.Sprint(values...))
			}
			must(rows.Err())
			equal(got, taxis)
		},
		3: func() {
			var n int
			var word string
			var nothing *string
			row := connect().QueryRow(background, "select $1::int + 1, $2::text, $3::text", 41, "it's", nil)
			must(row.Scan(&n, &word, &nothing))
			equal([]interface{}{n, word, nothing == nil}, []interface{}{42, "it's", true})
		},
		4: func() {
			if !prepares {
				panic(notApplicable("switched off"))
			}
			one := connect()
			onTwoServers(func() int {
				var pid, doubled int
				must(one.QueryRow(background, "select pg_backend_pid(), $1::int * 2", 21).Scan(&pid, &doubled))
				equal(doubled, 42)
				return pid
			}, hold)
			_, err := one.Prepare(background, "fare", "select $1::int + 1")
			must(err)
			equal(number(one, "fare", 1), 2)
			must(one.Deallocate(background, "fare"))
		},
		5: func() {
			one := connect()
			batch := &pgx.Batch{}
			for _, n := range []int{1, 0, 4} {
				batch.Queue("select 4 / $1::int", n)
			}
			results := one.SendBatch(background, batch)
			var first int
			must(results.QueryRow().Scan(&first))
			equal(first, 4)
			equal(codeOf(results.QueryRow().Scan(&first)), "22012")
			results.Close()
			equal(number(one, "select $1::int", 4), 4)
		},
		6: func() {
			one := connect()
			run(one, "delete from item")
			tx := begin(one)
			run(tx, "insert into item values ($1, $2)", 1, "a")
			must(tx.Rollback(background))
			equal(number(one, "select count(*) from item"), 0)
			tx = begin(one)
			run(tx, "insert into item values ($1, $2)", 1, "a")
			must(tx.Commit(background))
			equal(number(connect(), "select count(*) from item"), 1)
		},
		7: func() {
			one := connect()
			run(one, "delete from item")
			tx := begin(one)
			run(tx, "insert into item values ($1, $2)", 1, "a")
			inner := begin(tx)
			equal(failing(inner, "insert into item values ($1, $2)", 1, "twice"), "23505")
			must(inner.Rollback(background))
			run(tx, "insert into item values ($1, $2)", 2, "b")
			must(tx.Commit(background))
			equal(number(one, "select count(*) from item"), 2)
		},
		8: func() {
			one := connect()
			run(one, "delete from item")
			var rows [][]interface{}
			var lines strings.Builder
			for n := 0; n < 1000; n++ {
				rows = append(rows, []interface{}{n, fmt.Sprint("taxi ", n)})
				fmt.Fprintf(&lines, "%d\ttaxi %d\n", n, n)
			}
			copied, err := one.CopyFrom(background, pgx.Identifier{"item"}, []string{"id", "name"}, pgx.CopyFromRows(rows))
			must(err)
			equal(copied, int64(1000))
			var out bytes.Buffer
			_, err = one.PgConn().CopyTo(background, &out, "copy (select * from item order by id) to stdout")
			must(err)
			equal(out.String(), lines.String())
		},
		9: func() {
			one := connect()
			time.AfterFunc(300*time.Millisecond, func() { one.PgConn().CancelRequest(background) })
			equal(failing(one, "select pg_sleep(30)"), "57014")
			equal(number(one, "select 1"), 1)
		},
		10: func() {
			// A context that ends closes the connection; its statement is to end, too.
			one := connect()
			ctx, cancel := context.WithTimeout(background, 300*time.Millisecond)
			defer cancel()
			mustFail(func() error {
				_, err := one.Exec(ctx, "select pg_sleep(30)")
				return err
			})
			nobodySleeps(func(query string) int { return number(connect(), query) })
			tx := begin(connect())
			run(tx, "set local statement_timeout = '200ms'")
			equal(failing(tx, "select pg_sleep(30)"), "57014")
		},
		11: func() {
			equal(text(connect(), "select $1::text", big) == big, true)
		},
		12: func() {
			one := connect()
			var got []byte
			var word string
			must(one.QueryRow(background, "select $1::bytea, $2::text", nulBytes, words).Scan(&got, &word))
			equal([]interface{}{got, word}, []interface{}{nulBytes, words})
			if prepares {
				equal(failing(one, "select $1::text", "a\x00b"), "22021")
			}
			equal(failing(one, "select chr($1::int)", 0), "54000")
			equal(number(one, "select 1"), 1)
		},
		13: func() {
			var heard []string
			config := connect().Config()
			config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { heard = append(heard, notice.Message) }
			one, err := connectWith(config)
			must(err)
			run(one, "do $$ begin raise notice 'taxi %', 7; end $$")
			equal(heard, []string{"taxi 7"})
		},
		14: func() {
			listener := connect()
			run(listener, "listen rides")
			run(connect(), "notify rides, 'seven'")
			ctx, cancel := context.WithTimeout(background, 3*time.Second)
			defer cancel()
			notification, err := listener.WaitForNotification(ctx)
			must(err)
			equal(notification.Payload, "seven")
		},
		15: func() {
			tx := begin(connect())
			run(tx, "declare rides cursor for select n from generate_series(1, 1000) n")
			sum := 0
			for batch := 0; batch < 10; batch++ {
				rows, err := tx.Query(background, "fetch 100 from rides")
				must(err)
				for rows.Next() {
					var n int
					must(rows.Scan(&n))
					sum += n
				}
				must(rows.Err())
			}
			must(tx.Commit(background))
			equal(sum, 500500)
		},
		16: func() {
			old := connect()
			survivesRestart(
				func(query string) (int, error) { return numberOrError(old, query) },
				func(query string) (int, error) { return numberOrError(connect(), query) },
			)
		},
		17: func() {
			var links []*pgx.Conn
			for n := 0; n < 50; n++ {
				links = append(links, connect())
			}
			fiftyAnswers(func(n int, got *int) error {
				return links[n].QueryRow(background, "select $1::int from pg_sleep(0.1)", n).Scan(got)
			})
		},
		18: func() {
			one := connect()
			equal(number(one, "select 1"), 1)
			midway := connect()
			run(begin(midway), "delete from item")
			must(one.Close(background))
			must(midway.Close(background))
			askRunner("left")
		},
		19: func() {
			one := connect()
			run(one, "drop table if exists pgx_ride, pgx_version")
			migrate := func() (inserted int64) {
				must(one.BeginFunc(background, func(tx pgx.Tx) error {
					run(tx, "select pg_advisory_xact_lock($1)", 4711)
					run(tx, "create table if not exists pgx_version (number int primary key)")
					inserted = run(tx, "insert into pgx_version values ($1) on conflict do nothing", 1)
					if inserted == 1 {
						run(tx, "create table pgx_ride (id serial primary key, fare numeric not null)")
					}
					return nil
				}))
				return
			}
			migratesOnce(migrate)
			equal(text(one, "insert into pgx_ride (fare) values (12.5) returning fare::text"), "12.5")
		},
		20: func() {
			one := connect(settingsAtConnect)
			keepsSettings(func() (pid int, settings string) {
				must(one.QueryRow(background, selectSettings).Scan(&pid, &settings))
				return
			}, hold)
		},
	})
}
