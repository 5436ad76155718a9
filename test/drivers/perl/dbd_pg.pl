#!/usr/bin/perl
# DBD::Pg. DRIVER_PREPARE=false: with pg_server_prepare=0, which keeps it from naming statements.
use strict;
use warnings;
use utf8;
use DBI;
use DBD::Pg qw(:pg_types :async);
use JSON::PP;
use Time::HiRes qw(sleep time);

binmode STDOUT, ':encoding(UTF-8)';
$| = 1;

my $is_transaction_mode = $ENV{DRIVER_MODE} eq 'transaction';
my $prepares            = ($ENV{DRIVER_PREPARE} // '') ne 'false';
my $words               = "Ťaxi 日本語 🚕 e\x{301}";
my $json                = JSON::PP->new;
my @opened;

sub not_applicable { die { reason => $_[0] } }

sub dsn {
    my ($port, %more) = @_;
    my %parts = (host => $ENV{DRIVER_HOST}, port => $port, dbname => $ENV{DRIVER_DATABASE}, %more);
    return 'dbi:Pg:' . join ';', map { "$_=$parts{$_}" } sort keys %parts;
}

sub connect_to {
    my ($dsn, $user, $password, %options) = @_;
    my $link = DBI->connect($dsn, $user, $password, { RaiseError => 1, PrintError => 0, PrintWarn => 0, AutoCommit => 1, %options });
    $link->{pg_server_prepare} = 0 unless $prepares;
    push @opened, $link;
    return $link;
}

sub open_link { return connect_to(dsn($ENV{DRIVER_PORT}, @_), $ENV{DRIVER_USER}, '') }
sub scram     { return connect_to(dsn($ENV{DRIVER_SCRAM_PORT}), $ENV{DRIVER_SCRAM_USER}, $_[0]) }
sub value { my ($link, $sql, @values) = @_; return ($link->selectrow_array($sql, undef, @values))[0] }

sub equal {
    my ($got, $wanted) = map { ref $_ ? $json->canonical->encode($_) : $_ // 'undef' } @_;
    die "got " . substr($got, 0, 100) . ", wanted " . substr($wanted, 0, 100) . "\n" if $got ne $wanted;
}

# What the code dies with, as SQLSTATE where there is one.
sub rejection {
    my ($link, $code) = @_;
    die "it should have failed\n" if eval { $code->(); 1 };
    return $link ? $link->state : $@;
}

sub say_line { print $json->encode($_[0]) . "\n" }

sub ask {
    say_line({ ask => $_[0] });
    my $answer = <STDIN>;
    chomp $answer;
    return $answer;
}

sub hold {
    my $link = open_link();
    $link->begin_work;
    return { pid => value($link, 'select pg_backend_pid()'), release => sub { $link->rollback; $link->disconnect } };
}

# Until `use`, which answers the pid of its backend, has run on two servers; others hold the first one meanwhile.
sub on_two_servers {
    my ($use) = @_;
    my $first = $use->();
    return equal($use->(), $first) unless $is_transaction_mode;
    my @holders;
    push @holders, hold() while @holders < $ENV{DRIVER_SERVERS} && !grep { $_->{pid} == $first } @holders;
    shift(@holders)->{release}->() if @holders == $ENV{DRIVER_SERVERS};
    die "it has run on one server only\n" if $use->() == $first;
    $_->{release}->() for @holders;
    $use->();
}

my %script = (
    1 => sub {
        equal(value(open_link(), 'select current_user'), $ENV{DRIVER_USER});
        equal(value(scram($ENV{DRIVER_PASSWORD}), 'select current_user'), $ENV{DRIVER_SCRAM_USER});
        rejection(undef, sub { scram('wrong') });
        # Dies when TLS is not to be had.
        my $encrypted = open_link(sslmode => 'verify-full', sslrootcert => $ENV{DRIVER_AUTHORITY});
        equal(value($encrypted, 'select 1'), 1);
    },
    2 => sub {
        my $rows = open_link()->selectall_arrayref("select n, 'taxi ' || n from generate_series(1, 3) n");
        equal([ map { "$_->[0] $_->[1]" } @$rows ], [ map {"$_ taxi $_"} 1 .. 3 ]);
    },
    3 => sub {
        my @row = open_link()->selectrow_array('select ?::int + 1, ?::text, ?::text', undef, 41, "it's", undef);
        equal([ "$row[0]", @row[ 1, 2 ] ], [ '42', "it's", undef ]);
    },
    4 => sub {
        not_applicable('switched off') unless $prepares;
        my $link = open_link();
        my $fare = $link->prepare('select pg_backend_pid(), ?::int * 2');
        on_two_servers(sub {
            $fare->execute(21);
            my ($pid, $doubled) = $fare->fetchrow_array;
            $fare->finish;
            equal($doubled, 42);
            return $pid;
        });
    },
    5 => sub {
        my $link = open_link();
        equal(value($link, 'select ?::int', 1), 1);
        equal(rejection($link, sub { value($link, 'select 1 / ?::int', 0) }), '22012');
        equal(value($link, 'select ?::int', 3), 3);
    },
    6 => sub {
        my $link = open_link();
        $link->do('delete from item');
        $link->begin_work;
        $link->do("insert into item values (1, 'a')");
        $link->rollback;
        equal(value($link, 'select count(*) from item'), 0);
        $link->begin_work;
        $link->do("insert into item values (1, 'a')");
        $link->commit;
        equal(value(open_link(), 'select count(*) from item'), 1);
    },
    7 => sub {
        my $link = open_link();
        $link->do('delete from item');
        $link->begin_work;
        $link->do("insert into item values (1, 'a')");
        $link->pg_savepoint('s');
        equal(rejection($link, sub { $link->do("insert into item values (1, 'twice')") }), '23505');
        $link->pg_rollback_to('s');
        $link->do("insert into item values (2, 'b')");
        $link->commit;
        equal(value($link, 'select count(*) from item'), 2);
    },
    8 => sub {
        my $link  = open_link();
        my @lines = map {"$_\ttaxi $_\n"} 0 .. 999;
        $link->do('delete from item');
        $link->do('copy item from stdin');
        $link->pg_putcopydata($_) for @lines;
        $link->pg_putcopyend;
        $link->do('copy (select * from item order by id) to stdout');
        my $out = '';
        while ($link->pg_getcopydata(my $line) >= 0) { $out .= $line }
        equal($out, join '', @lines);
        equal(value($link, 'select count(*) from item'), 1000);
    },
    9 => sub {
        my $link     = open_link();
        my $sleeping = $link->prepare('select pg_sleep(30)', { pg_async => PG_ASYNC });
        $sleeping->execute;
        sleep 0.3;
        my $start = time;
        $link->pg_cancel;
        die "it was not cancelled\n" if time - $start > 10;
        equal($link->state, '57014');
        undef $sleeping;
        equal(value($link, 'select 1'), 1);
    },
    10 => sub {
        my $link = open_link();
        $link->begin_work;
        $link->do("set local statement_timeout = '200ms'");
        equal(rejection($link, sub { value($link, 'select pg_sleep(30)') }), '57014');
        $link->rollback;
        equal(value($link, 'select 1'), 1);
    },
    11 => sub {
        my $big = 'x' x (8 * 1024 * 1024);
        die "another one came back\n" if value(open_link(), 'select ?::text', $big) ne $big;
    },
    12 => sub {
        my $link   = open_link();
        my $bytes  = "\x00\x01\x00\xff\x00";
        my $select = $link->prepare('select ?::bytea, ?::text');
        $select->bind_param(1, $bytes, { pg_type => PG_BYTEA });
        $select->bind_param(2, $words);
        $select->execute;
        my ($got_bytes, $got_words) = $select->fetchrow_array;
        equal([ unpack('H*', $got_bytes), $got_words ], [ unpack('H*', $bytes), $words ]);
        # A text parameter of its ends at a NUL.
        equal(rejection($link, sub { value($link, 'select chr(?::int)', 0) }), '54000');
        equal(value($link, 'select 1'), 1);
    },
    13 => sub {
        my @heard;
        my $link = open_link();
        $link->{PrintWarn} = 1;
        local $SIG{__WARN__} = sub { push @heard, @_ };
        $link->do(q{do $$ begin raise notice 'taxi %', 7; end $$});
        die "heard @heard\n" unless grep {/taxi 7/} @heard;
    },
    14 => sub {
        my $listener = open_link();
        $listener->do('listen rides');
        open_link()->do("notify rides, 'seven'");
        my ($end, $heard) = (time + 3);
        until ($heard = $listener->pg_notifies) {
            die "nothing heard, for 3 s\n" if time > $end;
            sleep 0.05;
        }
        equal($heard->[2], 'seven');
    },
    15 => sub {
        my $link = open_link();
        $link->begin_work;
        $link->do('declare rides cursor for select n from generate_series(1, 1000) n');
        my $sum = 0;
        for (1 .. 10) {
            my $rows = $link->selectcol_arrayref('fetch 100 from rides');
            equal(scalar @$rows, 100);
            $sum += $_ for @$rows;
        }
        $link->commit;
        equal($sum, 500_500);
    },
    16 => sub {
        my $old = open_link();
        equal(value($old, 'select 1'), 1);
        equal(ask('restart'), 'done');
        my $answer = eval { value($old, 'select 2') };
        equal($answer, 2) if defined $answer;
        equal(value(open_link(), 'select 3'), 3);
    },
    17 => sub {
        my @links = map { open_link() } 1 .. 50;
        my @asked = map { my $asked = $links[$_]->prepare('select ?::int, pg_sleep(0.1)', { pg_async => PG_ASYNC }); $asked->execute($_); $asked } 0 .. 49;
        for my $n (0 .. 49) {
            $links[$n]->pg_result;
            equal(($asked[$n]->fetchrow_array)[0], $n);
        }
    },
    18 => sub {
        my ($link, $midway) = (open_link(), open_link());
        equal(value($link, 'select 1'), 1);
        $midway->begin_work;
        $midway->do('delete from item');
        $_->disconnect for $link, $midway;
        equal(ask('left'), 'done');
    },
    19 => sub {
        my $link = open_link();
        $link->do('set local client_min_messages = warning; drop table if exists perl_ride, perl_version');
        my $migrate = sub {
            $link->begin_work;
            $link->do('select pg_advisory_xact_lock(4711)');
            $link->do('create table if not exists perl_version (number int primary key)');
            my $inserted = 0 + $link->do('insert into perl_version values (1) on conflict do nothing');
            $link->do('create table perl_ride (id serial primary key, fare numeric not null)') if $inserted;
            $link->commit;
            return $inserted;
        };
        equal([ $migrate->(), $migrate->() ], [ 1, 0 ]);
        equal(value($link, 'insert into perl_ride (fare) values (12.5) returning fare'), '12.5');
    },
    20 => sub {
        my $link = open_link(application_name => 'meter', options => q{'-c work_mem=5MB'});
        $link->do('set search_path = tenant, public');
        on_two_servers(sub {
            my ($pid, @got) = $link->selectrow_array(
                q{select pg_backend_pid(), owner, current_setting('work_mem'), current_setting('application_name') from whose}
            );
            equal(\@got, [ 'the tenant’s', '5MB', 'meter' ]);
            return $pid;
        });
    },
);

for my $step (split /,/, $ENV{DRIVER_STEPS}) {
    my %outcome = (result => 'ok');
    local $SIG{ALRM} = sub { die "no end within 30 s\n" };
    alarm 30;
    unless (eval { $script{$step}->(); 1 }) {
        my $error = $@;
        %outcome = ref $error eq 'HASH' ? (result => 'n/a', message => $error->{reason}) : (result => 'failed', message => $error =~ s/ at \S+ line \d+\.?\n\z//r);
    }
    alarm 0;
    eval { $_->disconnect } for splice @opened;
    say_line({ step => 0 + $step, %outcome });
}
