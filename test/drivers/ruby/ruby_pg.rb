# frozen_string_literal: true

# ruby-pg: libpq's own functions.
require 'json'
require 'pg'

$stdout.sync = true
MODE = ENV.fetch('DRIVER_MODE')
SERVERS = Integer(ENV.fetch('DRIVER_SERVERS'))
WORDS = "Ťaxi 日本語 🚕 e\u0301"

class NotApplicable < StandardError; end

$opened = []

def open_link(**options)
  settings = { host: ENV['DRIVER_HOST'], port: ENV['DRIVER_PORT'], dbname: ENV['DRIVER_DATABASE'], user: ENV['DRIVER_USER'] }
  link = PG.connect(**settings, **options)
  link.set_notice_processor { |_notice| nil }
  $opened << link
  link
end

def scram(password)
  open_link(port: ENV['DRIVER_SCRAM_PORT'], user: ENV['DRIVER_SCRAM_USER'], password: password)
end

def value(link, sql, *values)
  result = values.empty? ? link.exec(sql) : link.exec_params(sql, values)
  result.getvalue(0, 0)
end

def shortened(value)
  value.inspect.slice(0, 100)
end

def equal(got, wanted)
  raise "got #{shortened(got)}, wanted #{shortened(wanted)}" if got != wanted
end

# What the block raises.
def rejection
  begin
    yield
  rescue PG::Error, ArgumentError => e
    return e
  end
  raise 'it should have failed'
end

def sqlstate(error)
  error.result&.error_field(PG::Result::PG_DIAG_SQLSTATE)
end

def ask(what)
  puts JSON.generate(ask: what)
  $stdin.gets.chomp
end

def hold
  link = open_link
  link.exec('begin')
  [value(link, 'select pg_backend_pid()'), link]
end

# Until the block, which answers the pid of its backend, has run on two servers; others hold the first one meanwhile.
def on_two_servers
  first = yield
  return equal(yield, first) unless MODE == 'transaction'

  holders = []
  holders << hold while holders.size < SERVERS && holders.none? { |pid, _link| pid == first }
  holders.shift.last.close if holders.size == SERVERS
  raise 'it has run on one server only' if yield == first

  holders.each { |_pid, link| link.close }
  yield
end

SCRIPT = {
  1 => lambda {
    equal(value(open_link, 'select current_user'), ENV['DRIVER_USER'])
    equal(value(scram(ENV['DRIVER_PASSWORD']), 'select current_user'), ENV['DRIVER_SCRAM_USER'])
    rejection { scram('wrong') }
    encrypted = open_link(sslmode: 'verify-full', sslrootcert: ENV['DRIVER_AUTHORITY'])
    equal(encrypted.ssl_in_use?, true)
    equal(value(encrypted, 'select 1'), '1')
  },
  2 => lambda {
    rows = open_link.exec("select n, 'taxi ' || n as name from generate_series(1, 3) n").to_a
    equal(rows, (1..3).map { |n| { 'n' => n.to_s, 'name' => "taxi #{n}" } })
  },
  3 => lambda {
    row = open_link.exec_params('select $1::int + 1, $2::text, $3::text', [41, "it's", nil]).values.first
    equal(row, ['42', "it's", nil])
  },
  4 => lambda {
    link = open_link
    link.prepare('fare', 'select pg_backend_pid(), $1::int * 2')
    on_two_servers do
      pid, doubled = link.exec_prepared('fare', [21]).values.first
      equal(doubled, '42')
      pid
    end
    equal(link.describe_prepared('fare').nfields, 2)
  },
  5 => lambda {
    link = open_link
    link.enter_pipeline_mode
    [1, 0, 4].each do |n|
      link.send_query_params('select 4 / $1::int', [n])
      link.pipeline_sync if link.respond_to?(:pipeline_sync)
    end
    answers = []
    while answers.size < 3
      result = link.get_result
      next if result.nil? || result.result_status == PG::PGRES_PIPELINE_SYNC

      answers << (result.result_status == PG::PGRES_TUPLES_OK ? result.getvalue(0, 0) : result.error_field(PG::Result::PG_DIAG_SQLSTATE))
    end
    equal(answers, %w[4 22012 1])
    until (result = link.get_result)&.result_status == PG::PGRES_PIPELINE_SYNC; end
    link.exit_pipeline_mode
    equal(value(link, 'select 1'), '1')
  },
  6 => lambda {
    link = open_link
    link.exec('delete from item')
    rejection do
      link.transaction do
        link.exec("insert into item values (1, 'a')")
        raise ArgumentError, 'back'
      end
    end
    equal(value(link, 'select count(*) from item'), '0')
    link.transaction { link.exec("insert into item values (1, 'a')") }
    equal(value(open_link, 'select count(*) from item'), '1')
  },
  7 => lambda {
    link = open_link
    link.exec('delete from item')
    link.transaction do
      link.exec("insert into item values (1, 'a')")
      link.exec('savepoint s')
      equal(sqlstate(rejection { link.exec("insert into item values (1, 'twice')") }), '23505')
      link.exec('rollback to savepoint s')
      link.exec("insert into item values (2, 'b')")
    end
    equal(value(link, 'select count(*) from item'), '2')
  },
  8 => lambda {
    link = open_link
    lines = (0...1000).map { |n| "#{n}\ttaxi #{n}\n" }
    link.exec('delete from item')
    link.copy_data('copy item from stdin') { lines.each { |line| link.put_copy_data(line) } }
    out = +''
    link.copy_data('copy (select * from item order by id) to stdout') do
      while (line = link.get_copy_data)
        out << line
      end
    end
    equal(out, lines.join)
    equal(value(link, 'select count(*) from item'), '1000')
  },
  9 => lambda {
    link = open_link
    link.send_query('select pg_sleep(30)')
    sleep 0.3
    equal(link.cancel, nil)
    equal(sqlstate(rejection { link.get_last_result }), '57014')
    equal(value(link, 'select 1'), '1')
  },
  10 => lambda {
    link = open_link
    late = rejection do
      link.transaction do
        link.exec("set local statement_timeout = '200ms'")
        link.exec('select pg_sleep(30)')
      end
    end
    equal(sqlstate(late), '57014')
    equal(value(link, 'select 1'), '1')
  },
  11 => lambda {
    big = 'x' * (8 * 1024 * 1024)
    raise 'another one came back' if value(open_link, 'select $1::text', big) != big
  },
  12 => lambda {
    link = open_link
    bytes = [0, 1, 0, 255, 0].pack('C*')
    row = link.exec_params('select $1::bytea, $2::text', [{ value: bytes, format: 1 }, WORDS]).values.first
    equal([link.unescape_bytea(row[0]), row[1]], [bytes, WORDS])
    rejection { value(link, 'select $1::text', "a\0b") }
    equal(sqlstate(rejection { value(link, 'select chr($1::int)', 0) }), '54000')
    equal(value(link, 'select 1'), '1')
  },
  13 => lambda {
    link = open_link
    heard = []
    link.set_notice_receiver { |result| heard << result.error_field(PG::Result::PG_DIAG_MESSAGE_PRIMARY) }
    link.exec("do $$ begin raise notice 'taxi %', 7; end $$")
    equal(heard, ['taxi 7'])
  },
  14 => lambda {
    listener = open_link
    listener.exec('listen rides')
    open_link.exec("notify rides, 'seven'")
    heard = nil
    listener.wait_for_notify(3) { |_channel, _pid, payload| heard = payload }
    equal(heard, 'seven')
  },
  15 => lambda {
    link = open_link
    sum = 0
    link.transaction do
      link.exec('declare rides cursor for select n from generate_series(1, 1000) n')
      until (rows = link.exec('fetch 100 from rides').column_values(0)).empty?
        equal(rows.size, 100)
        sum += rows.sum(&:to_i)
      end
    end
    equal(sum, 500_500)
  },
  16 => lambda {
    old = open_link
    equal(value(old, 'select 1'), '1')
    equal(ask('restart'), 'done')
    begin
      equal(value(old, 'select 2'), '2')
    rescue PG::Error
      old.reset # The driver's way to connect again.
      equal(value(old, 'select 2'), '2')
    end
    equal(value(open_link, 'select 3'), '3')
  },
  17 => lambda {
    links = Array.new(50) { open_link }
    answers = links.each_with_index.map { |link, n| Thread.new { value(link, 'select $1::int, pg_sleep(0.1)', n) } }
    equal(answers.map(&:value), (0...50).map(&:to_s))
  },
  18 => lambda {
    link = open_link
    equal(value(link, 'select 1'), '1')
    midway = open_link
    midway.exec('begin')
    midway.exec('delete from item')
    [link, midway].each(&:close)
    equal(ask('left'), 'done')
  },
  19 => lambda {
    link = open_link
    link.exec('drop table if exists ruby_ride, ruby_version')
    migrate = lambda {
      link.transaction do
        link.exec('select pg_advisory_xact_lock(4711)')
        link.exec('create table if not exists ruby_version (number int primary key)')
        inserted = link.exec('insert into ruby_version values (1) on conflict do nothing').cmd_tuples
        link.exec('create table ruby_ride (id serial primary key, fare numeric not null)') if inserted == 1
        inserted
      end
    }
    equal([migrate.call, migrate.call], [1, 0])
    equal(value(link, 'insert into ruby_ride (fare) values (12.5) returning fare'), '12.5')
  },
  20 => lambda {
    link = open_link(application_name: 'meter')
    # As Rails does at connect.
    link.exec('set client_min_messages to warning')
    link.exec('set standard_conforming_strings = on')
    link.exec("set session timezone to 'Asia/Tokyo'")
    link.exec('set search_path = tenant, public')
    on_two_servers do
      pid, *got = link.exec(<<~SQL).values.first
        select pg_backend_pid(), owner, current_setting('client_min_messages'), current_setting('TimeZone'),
        current_setting('application_name') from whose
      SQL
      equal(got, ['the tenant’s', 'warning', 'Asia/Tokyo', 'meter'])
      pid
    end
  },
}.freeze

def outcome_of(step)
  SCRIPT.fetch(step).call
  { result: 'ok' }
rescue NotApplicable => e
  { result: 'n/a', message: e.message }
rescue StandardError => e
  { result: 'failed', message: e.message }
end

ENV.fetch('DRIVER_STEPS').split(',').map(&:to_i).each do |step|
  outcome = outcome_of(step)
  $opened.each { |link| link.close unless link.finished? }
  $opened.clear
  puts JSON.generate(step: step, **outcome)
end
