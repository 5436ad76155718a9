// lib/pq on database/sql: parameters by the unnamed statement in two round trips, prepared statements by name.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/lib/pq"
)

var background = context.Background()

// open is a pool of database/sql; most steps want one connection of it.
func open(connection string) *sql.DB {
	db, err := sql.Open("postgres", connection)
	must(err)
	atEnd(func() { db.Close() })
	return db
}

func connect(more ...string) *sql.Conn {
	link, err := open(connectionString("DRIVER_PORT", "DRIVER_USER", more...)).Conn(background)
	must(err)
	atEnd(func() { link.Close() })
	return link
}

type querier interface {
	QueryRowContext(context.Context, string, ...interface{}) *sql.Row
}

type executor interface {
	ExecContext(context.Context, string, ...interface{}) (sql.Result, error)
}

func value(link querier, query string, parameters ...interface{}) (found string) {
	must(link.QueryRowContext(background, query, parameters...).Scan(&found))
	return
}

func number(link querier, query string, parameters ...interface{}) (found int) {
	must(link.QueryRowContext(background, query, parameters...).Scan(&found))
	return
}

func run(link executor, statement string, parameters ...interface{}) {
	_, err := link.ExecContext(background, statement, parameters...)
	must(err)
}

func codeOf(err error) string {
	if known, ok := err.(*pq.Error); ok {
		return string(known.Code)
	}
	return err.Error()
}

func failing(link executor, statement string, parameters ...interface{}) string {
	return codeOf(mustFail(func() error {
		_, err := link.ExecContext(background, statement, parameters...)
		return err
	}))
}

func begin(link *sql.Conn) *sql.Tx {
	tx, err := link.BeginTx(background, nil)
	must(err)
	return tx
}

func hold() holder {
	link := connect()
	tx := begin(link)
	return holder{number(tx, "select pg_backend_pid()"), func() { tx.Rollback() }}
}

func main() {
	runSteps(map[int]func(){
		1: func() {
			connects(func(connection string) (user string, err error) {
				err = open(connection).QueryRow("select current_user").Scan(&user)
				return
			})
		},
		2: func() {
			rows, err := connect().QueryContext(background, selectTaxis)
			must(err)
			var got []string
			for rows.Next() {
				var n int
				var name string
				must(rows.Scan(&n, &name))
				got = append(got, fmt.Sprint(n, name))
			}
			equal(got, taxis)
		},
		3: func() {
			var n int
			var text string
			var nothing sql.NullString
			row := connect().QueryRowContext(background, "select $1::int + 1, $2::text, $3::text", 41, "it's", nil)
			must(row.Scan(&n, &text, &nothing))
			equal([]interface{}{n, text, nothing.Valid}, []interface{}{42, "it's", false})
		},
		4: func() {
			statement, err := connect().PrepareContext(background, "select pg_backend_pid(), $1::int * 2")
			must(err)
			onTwoServers(func() int {
				var pid, doubled int
				must(statement.QueryRow(21).Scan(&pid, &doubled))
				equal(doubled, 42)
				return pid
			}, hold)
			must(statement.Close())
		},
		5: func() {
			link := connect()
			equal(number(link, "select $1::int", 1), 1)
			equal(failing(link, "select 1 / $1::int", 0), "22012")
			equal(number(link, "select $1::int", 3), 3)
		},
		6: func() {
			link := connect()
			run(link, "delete from item")
			tx := begin(link)
			run(tx, "insert into item values ($1, $2)", 1, "a")
			must(tx.Rollback())
			equal(number(link, "select count(*) from item"), 0)
			tx = begin(link)
			run(tx, "insert into item values ($1, $2)", 1, "a")
			must(tx.Commit())
			equal(number(connect(), "select count(*) from item"), 1)
		},
		7: func() {
			link := connect()
			run(link, "delete from item")
			tx := begin(link)
			run(tx, "insert into item values ($1, $2)", 1, "a")
			run(tx, "savepoint s")
			equal(failing(tx, "insert into item values ($1, $2)", 1, "twice"), "23505")
			run(tx, "rollback to savepoint s")
			run(tx, "insert into item values ($1, $2)", 2, "b")
			must(tx.Commit())
			equal(number(link, "select count(*) from item"), 2)
		},
		8: func() {
			link := connect()
			run(link, "delete from item")
			tx := begin(link)
			copying, err := tx.Prepare(pq.CopyIn("item", "id", "name"))
			must(err)
			for n := 0; n < 1000; n++ {
				_, err = copying.Exec(n, fmt.Sprint("taxi ", n))
				must(err)
			}
			_, err = copying.Exec()
			must(err)
			must(copying.Close())
			must(tx.Commit())
			// It has no COPY TO STDOUT.
			equal(value(link, "select count(*) || ' ' || sum(id) || ' ' || max(name) from item"), "1000 499500 taxi 999")
		},
		9: func() {
			link := connect()
			ctx, cancel := context.WithCancel(background)
			time.AfterFunc(300*time.Millisecond, cancel)
			mustFail(func() error {
				_, err := link.ExecContext(ctx, "select pg_sleep(30)")
				return err
			})
			nobodySleeps(func(query string) int { return number(connect(), query) })
		},
		10: func() {
			link := connect()
			ctx, cancel := context.WithTimeout(background, 300*time.Millisecond)
			defer cancel()
			mustFail(func() error {
				_, err := link.ExecContext(ctx, "select pg_sleep(30)")
				return err
			})
			nobodySleeps(func(query string) int { return number(connect(), query) })
			tx := begin(connect())
			run(tx, "set local statement_timeout = '200ms'")
			equal(failing(tx, "select pg_sleep(30)"), "57014")
			must(tx.Rollback())
		},
		11: func() {
			equal(value(connect(), "select $1::text", big) == big, true)
		},
		12: func() {
			link := connect()
			var bytes []byte
			var text string
			must(link.QueryRowContext(background, "select $1::bytea, $2::text", nulBytes, words).Scan(&bytes, &text))
			equal([]interface{}{bytes, text}, []interface{}{nulBytes, words})
			equal(failing(link, "select $1::text", "a\x00b"), "22021")
			equal(number(link, "select 1"), 1)
		},
		13: func() {
			var heard []string
			base, err := pq.NewConnector(connectionString("DRIVER_PORT", "DRIVER_USER"))
			must(err)
			db := sql.OpenDB(pq.ConnectorWithNoticeHandler(base, func(notice *pq.Error) { heard = append(heard, notice.Message) }))
			defer db.Close()
			run(db, "do $$ begin raise notice 'taxi %', 7; end $$")
			equal(heard, []string{"taxi 7"})
		},
		14: func() {
			listener := pq.NewListener(connectionString("DRIVER_PORT", "DRIVER_USER"), time.Second, time.Second, nil)
			defer listener.Close()
			must(listener.Listen("rides"))
			run(connect(), "notify rides, 'seven'")
			select {
			case notification := <-listener.Notify:
				equal(notification.Extra, "seven")
			case <-time.After(3 * time.Second):
				panic("nothing heard, for 3 s")
			}
		},
		15: func() {
			tx := begin(connect())
			run(tx, "declare rides cursor for select n from generate_series(1, 1000) n")
			sum := 0
			for batch := 0; batch < 10; batch++ {
				rows, err := tx.Query("fetch 100 from rides")
				must(err)
				for rows.Next() {
					var n int
					must(rows.Scan(&n))
					sum += n
				}
			}
			must(tx.Commit())
			equal(sum, 500500)
		},
		16: func() {
			db := open(connectionString("DRIVER_PORT", "DRIVER_USER"))
			ask := func(query string) (answer int, err error) {
				err = db.QueryRow(query).Scan(&answer)
				return
			}
			survivesRestart(ask, ask)
		},
		17: func() {
			db := open(connectionString("DRIVER_PORT", "DRIVER_USER"))
			var links []*sql.Conn
			for n := 0; n < 50; n++ {
				link, err := db.Conn(background)
				must(err)
				atEnd(func() { link.Close() })
				links = append(links, link)
			}
			fiftyAnswers(func(n int, got *int) error {
				return links[n].QueryRowContext(background, "select $1::int from pg_sleep(0.1)", n).Scan(got)
			})
		},
		18: func() {
			db := open(connectionString("DRIVER_PORT", "DRIVER_USER"))
			equal(number(db, "select 1"), 1)
			must(db.Close())
			askRunner("left")
		},
		19: func() {
			link := connect()
			run(link, "drop table if exists pq_ride, pq_version")
			migrate := func() int64 {
				tx := begin(link)
				run(tx, "select pg_advisory_xact_lock($1)", 4711)
				run(tx, "create table if not exists pq_version (number int primary key)")
				result, err := tx.Exec("insert into pq_version values ($1) on conflict do nothing", 1)
				must(err)
				inserted, _ := result.RowsAffected()
				if inserted == 1 {
					run(tx, "create table pq_ride (id serial primary key, fare numeric not null)")
				}
				must(tx.Commit())
				return inserted
			}
			migratesOnce(migrate)
			equal(value(link, "insert into pq_ride (fare) values ($1) returning fare", "12.5"), "12.5")
		},
		20: func() {
			link := connect(settingsAtConnect)
			keepsSettings(func() (pid int, settings string) {
				must(link.QueryRowContext(background, selectSettings).Scan(&pid, &settings))
				return
			}, hold)
		},
	})
}
