<?php
// PDO's driver for PostgreSQL. DRIVER_PREPARE=false: with emulated prepares, which keep it from naming statements.
declare(strict_types=1);

error_reporting(E_ALL & ~E_WARNING);

const WORDS = "Ťaxi 日本語 🚕 e\u{301}";

final class NotApplicable extends Exception {}

$isTransactionMode = getenv('DRIVER_MODE') === 'transaction';
$prepares = getenv('DRIVER_PREPARE') !== 'false';
$servers = (int) getenv('DRIVER_SERVERS');

function open(string $more = '', string $port = 'DRIVER_PORT', string $user = 'DRIVER_USER', string $password = ''): PDO
{
    global $prepares;
    $dsn = sprintf('pgsql:host=%s;port=%s;dbname=%s', getenv('DRIVER_HOST'), getenv($port), getenv('DRIVER_DATABASE'));
    return new PDO($dsn . $more, getenv($user), $password, [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_EMULATE_PREPARES => !$prepares,
    ]);
}

function scram(string $password): PDO
{
    return open('', 'DRIVER_SCRAM_PORT', 'DRIVER_SCRAM_USER', $password);
}

function value(PDO $link, string $sql, array $values = []): mixed
{
    return row($link, $sql, $values)[0];
}

function row(PDO $link, string $sql, array $values = []): array
{
    $statement = $link->prepare($sql);
    $statement->execute($values);
    return $statement->fetch(PDO::FETCH_NUM);
}

function equal(mixed $got, mixed $wanted): void
{
    if ($got !== $wanted) {
        throw new Exception('got ' . substr(json_encode($got), 0, 100) . ', wanted ' . substr(json_encode($wanted), 0, 100));
    }
}

/** The SQLSTATE of what the call throws. */
function rejection(callable $call): string
{
    try {
        $call();
    } catch (PDOException $error) {
        return (string) $error->getCode();
    }
    throw new Exception('it should have failed');
}

function ask(string $what): string
{
    say(['ask' => $what]);
    return trim(fgets(STDIN));
}

function say(array $line): void
{
    echo json_encode($line, JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}

/** Until `use`, which answers the pid of its backend, has run on two servers; others hold the first one meanwhile. */
function onTwoServers(callable $use): void
{
    global $isTransactionMode, $servers;
    $first = $use();
    if (!$isTransactionMode) {
        equal($use(), $first);
        return;
    }
    $holders = [];
    for ($pid = 0; $pid !== $first && count($holders) < $servers; $holders[] = $link) {
        $link = open();
        $link->beginTransaction();
        $pid = value($link, 'select pg_backend_pid()');
    }
    unset($link);
    if (count($holders) === $servers) {
        array_shift($holders);
    }
    if ($use() === $first) {
        throw new Exception('it has run on one server only');
    }
    $holders = [];
    $use();
}

$script = [
    1 => function (): void {
        equal(value(open(), 'select current_user'), getenv('DRIVER_USER'));
        equal(value(scram(getenv('DRIVER_PASSWORD')), 'select current_user'), getenv('DRIVER_SCRAM_USER'));
        rejection(fn () => scram('wrong'));
        // Throws when TLS is not to be had.
        equal(value(open(';sslmode=verify-full;sslrootcert=' . getenv('DRIVER_AUTHORITY')), 'select 1'), 1);
    },
    2 => function (): void {
        $rows = open()->query("select n, 'taxi ' || n from generate_series(1, 3) n")->fetchAll(PDO::FETCH_NUM);
        equal($rows, array_map(fn ($n) => [$n, "taxi $n"], [1, 2, 3]));
    },
    3 => function (): void {
        equal(row(open(), 'select ?::int + 1, ?::text, ?::text', [41, "it's", null]), [42, "it's", null]);
    },
    4 => function () use ($prepares): void {
        if (!$prepares) {
            throw new NotApplicable('switched off');
        }
        $link = open();
        $fare = $link->prepare('select pg_backend_pid(), ?::int * 2');
        onTwoServers(function () use ($fare): int {
            $fare->execute([21]);
            [$pid, $doubled] = $fare->fetch(PDO::FETCH_NUM);
            equal($doubled, 42);
            return $pid;
        });
        // Its end is an SQL DEALLOCATE.
        $fare = null;
        equal(value($link, 'select 1'), 1);
    },
    5 => function (): void {
        $link = open();
        equal(value($link, 'select ?::int', [1]), 1);
        equal(rejection(fn () => value($link, 'select 1 / ?::int', [0])), '22012');
        equal(value($link, 'select ?::int', [3]), 3);
    },
    6 => function (): void {
        $link = open();
        $link->exec('delete from item');
        $link->beginTransaction();
        $link->exec("insert into item values (1, 'a')");
        $link->rollBack();
        equal(value($link, 'select count(*) from item'), 0);
        $link->beginTransaction();
        $link->exec("insert into item values (1, 'a')");
        $link->commit();
        equal(value(open(), 'select count(*) from item'), 1);
    },
    7 => function (): void {
        $link = open();
        $link->exec('delete from item');
        $link->beginTransaction();
        $link->exec("insert into item values (1, 'a')");
        $link->exec('savepoint s');
        equal(rejection(fn () => $link->exec("insert into item values (1, 'twice')")), '23505');
        $link->exec('rollback to savepoint s');
        $link->exec("insert into item values (2, 'b')");
        $link->commit();
        equal(value($link, 'select count(*) from item'), 2);
    },
    8 => function (): void {
        $link = open();
        $link->exec('delete from item');
        $lines = array_map(fn ($n) => "$n\ttaxi $n\n", range(0, 999));
        equal($link->pgsqlCopyFromArray('item', $lines), true);
        $out = $link->pgsqlCopyToArray('item');
        // A table, which has no order.
        sort($out, SORT_NATURAL);
        equal($out, $lines);
    },
    9 => fn () => throw new NotApplicable('no cancel'),
    10 => function (): void {
        $link = open();
        $link->beginTransaction();
        $link->exec("set local statement_timeout = '200ms'");
        equal(rejection(fn () => $link->query('select pg_sleep(30)')), '57014');
        $link->rollBack();
        equal(value($link, 'select 1'), 1);
    },
    11 => function (): void {
        $big = str_repeat('x', 8 * 1024 * 1024);
        equal(value(open(), 'select ?::text', [$big]) === $big, true);
    },
    12 => function (): void {
        $link = open();
        $bytes = "\x00\x01\x00\xff\x00";
        $statement = $link->prepare('select ?::bytea, ?::text');
        $statement->bindValue(1, $bytes, PDO::PARAM_LOB);
        $statement->bindValue(2, WORDS);
        $statement->execute();
        [$stream, $words] = $statement->fetch(PDO::FETCH_NUM);
        equal([bin2hex(stream_get_contents($stream)), $words], [bin2hex($bytes), WORDS]);
        equal(rejection(fn () => value($link, 'select chr(?::int)', [0])), '54000');
        equal(value($link, 'select 1'), 1);
    },
    13 => fn () => throw new NotApplicable('no notices'),
    14 => function (): void {
        $listener = open();
        $listener->exec('listen rides');
        open()->exec("notify rides, 'seven'");
        $heard = $listener->pgsqlGetNotify(PDO::FETCH_ASSOC, 3000);
        equal($heard['payload'] ?? null, 'seven');
    },
    15 => function (): void {
        $link = open();
        $link->beginTransaction();
        $cursor = $link->prepare('select n from generate_series(1, 1000) n', [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
        $cursor->execute();
        $sum = 0;
        while (($n = $cursor->fetchColumn()) !== false) {
            $sum += $n;
        }
        $cursor = null;
        $link->commit();
        equal($sum, 500500);
    },
    16 => function (): void {
        $old = open();
        equal(value($old, 'select 1'), 1);
        equal(ask('restart'), 'done');
        try {
            equal(value($old, 'select 2'), 2);
        } catch (PDOException) {
            // It may know that it is broken, but must not hang.
        }
        equal(value(open(), 'select 3'), 3);
    },
    17 => function (): void {
        $links = array_map(fn () => open(), range(1, 50));
        foreach ($links as $n => $link) {
            equal(value($link, 'select ?::int', [$n]), $n);
        }
    },
    18 => function (): void {
        $link = open();
        equal(value($link, 'select 1'), 1);
        $midway = open();
        $midway->beginTransaction();
        $midway->exec('delete from item');
        $link = null;
        $midway = null;
        equal(ask('left'), 'done');
    },
    19 => function (): void {
        $link = open();
        $link->exec('drop table if exists php_ride, php_version');
        $migrate = function () use ($link): int {
            $link->beginTransaction();
            $link->query('select pg_advisory_xact_lock(4711)');
            $link->exec('create table if not exists php_version (number int primary key)');
            $inserted = $link->exec('insert into php_version values (1) on conflict do nothing');
            if ($inserted === 1) {
                $link->exec('create table php_ride (id serial primary key, fare numeric not null)');
            }
            $link->commit();
            return $inserted;
        };
        equal([$migrate(), $migrate()], [1, 0]);
        equal(value($link, 'insert into php_ride (fare) values (12.5) returning fare'), '12.5');
    },
    20 => function (): void {
        $link = open(";application_name=meter;options='-c work_mem=5MB'");
        $link->exec('set search_path = tenant, public');
        onTwoServers(function () use ($link): int {
            $got = row($link, "select pg_backend_pid(), owner, current_setting('work_mem'), current_setting('application_name') from whose");
            equal(array_slice($got, 1), ['the tenant’s', '5MB', 'meter']);
            return $got[0];
        });
    },
];

foreach (explode(',', getenv('DRIVER_STEPS')) as $step) {
    $outcome = ['result' => 'ok'];
    try {
        $script[(int) $step]();
    } catch (NotApplicable $reason) {
        $outcome = ['result' => 'n/a', 'message' => $reason->getMessage()];
    } catch (Throwable $error) {
        $outcome = ['result' => 'failed', 'message' => $error->getMessage()];
        // Its trace holds the connections.
        $error = null;
    }
    say(['step' => (int) $step, ...$outcome]);
}
