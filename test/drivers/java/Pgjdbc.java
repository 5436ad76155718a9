import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** pgjdbc. DRIVER_PREPARE=false: with prepareThreshold=0, which keeps it from naming statements. */
public final class Pgjdbc {
    private static final boolean IS_TRANSACTION_MODE = env("DRIVER_MODE").equals("transaction");
    private static final boolean PREPARES = !"false".equals(System.getenv("DRIVER_PREPARE"));
    private static final int SERVERS = Integer.parseInt(env("DRIVER_SERVERS"));
    private static final BufferedReader IN = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    private static final List<Connection> OPENED = new ArrayList<>();
    private static final ExecutorService THREADS = Executors.newCachedThreadPool();

    private static final class NotApplicable extends Exception {
        NotApplicable(String reason) {
            super(reason);
        }
    }

    private interface Use<T> {
        T call() throws Exception;
    }

    public static void main(String[] args) {
        for (String number : env("DRIVER_STEPS").split(",")) {
            String outcome = outcomeOf(Integer.parseInt(number));
            closeAll();
            say("{\"step\": " + number + ", " + outcome + "}");
        }
        System.exit(0);
    }

    private static String outcomeOf(int number) {
        try {
            step(number);
            return "\"result\": \"ok\"";
        } catch (NotApplicable reason) {
            return "\"result\": \"n/a\", \"message\": " + quoted(reason.getMessage());
        } catch (Throwable error) {
            return "\"result\": \"failed\", \"message\": " + quoted(String.valueOf(error.getMessage()));
        }
    }

    private static void step(int number) throws Exception {
        switch (number) {
            case 1 -> connect();
            case 2 -> simpleQuery();
            case 3 -> parameters();
            case 4 -> namedStatement();
            case 5 -> errorInBatch();
            case 6 -> transaction();
            case 7 -> savepoint();
            case 8 -> copy();
            case 9 -> cancel();
            case 10 -> timeOut();
            case 11 -> bigRow();
            case 12 -> nulAndUnicode();
            case 13 -> notice();
            case 14 -> listen();
            case 15 -> cursor();
            case 16 -> serverRestart();
            case 17 -> fiftyAtOnce();
            case 18 -> close();
            case 19 -> migration();
            case 20 -> settingsAtConnect();
            default -> throw new IllegalArgumentException("no step " + number);
        }
    }

    private static void connect() throws Exception {
        equal(value(open(), "select current_user"), env("DRIVER_USER"));
        equal(value(openScram(env("DRIVER_PASSWORD")), "select current_user"), env("DRIVER_SCRAM_USER"));
        rejection(() -> openScram("wrong"));
        // Throws when TLS is not to be had.
        Connection encrypted = open("sslmode", "verify-full", "sslrootcert", env("DRIVER_AUTHORITY"));
        equal(value(encrypted, "select 1"), 1);
    }

    private static void simpleQuery() throws Exception {
        try (Statement statement = open("preferQueryMode", "simple").createStatement();
                ResultSet rows = statement.executeQuery("select n, 'taxi ' || n from generate_series(1, 3) n")) {
            for (int n = 1; n <= 3; n++) {
                rows.next();
                equal(List.of(rows.getInt(1), rows.getString(2)), List.of(n, "taxi " + n));
            }
            equal(rows.next(), false);
        }
    }

    private static void parameters() throws Exception {
        try (PreparedStatement statement = open().prepareStatement("select ?::int + 1, ?::text, ?::text")) {
            statement.setInt(1, 41);
            statement.setString(2, "it's");
            statement.setString(3, null);
            ResultSet rows = statement.executeQuery();
            rows.next();
            equal(Arrays.asList(rows.getInt(1), rows.getString(2), rows.getString(3)), Arrays.asList(42, "it's", null));
        }
    }

    private static void namedStatement() throws Exception {
        if (!PREPARES) throw new NotApplicable("switched off");
        try (PreparedStatement statement = open("prepareThreshold", "1").prepareStatement("select pg_backend_pid(), ?::int * 2")) {
            onTwoServers(() -> {
                statement.setInt(1, 21);
                ResultSet rows = statement.executeQuery();
                rows.next();
                equal(rows.getInt(2), 42);
                return rows.getInt(1);
            });
        }
        // By itself it names a statement at its fifth run, BEGIN among them.
        Connection usual = open();
        usual.setAutoCommit(false);
        for (int n = 0; n < 12; n++) {
            equal(value(usual, "select ?::int", n), n);
            usual.commit();
        }
    }

    private static void errorInBatch() throws Exception {
        Connection link = open();
        run(link, "delete from item");
        try (PreparedStatement statement = link.prepareStatement("insert into item values (?, 'a')")) {
            for (int id : new int[] {1, 2, 1, 3}) {
                statement.setInt(1, id);
                statement.addBatch();
            }
            BatchUpdateException error = (BatchUpdateException) rejection(statement::executeBatch);
            equal(error.getSQLState(), "23505");
        }
        equal(value(link, "select count(*) from item"), 0L);
        try (Statement statement = link.createStatement()) {
            for (int id = 1; id <= 200; id++) statement.addBatch("insert into item values (" + id + ", 'a')");
            equal(statement.executeBatch().length, 200);
        }
        equal(value(link, "select count(*) from item"), 200L);
    }

    private static void transaction() throws Exception {
        Connection link = open();
        run(link, "delete from item");
        link.setAutoCommit(false);
        run(link, "insert into item values (1, 'a')");
        link.rollback();
        equal(value(link, "select count(*) from item"), 0L);
        run(link, "insert into item values (1, 'a')");
        link.commit();
        equal(value(open(), "select count(*) from item"), 1L);
    }

    private static void savepoint() throws Exception {
        Connection link = open();
        run(link, "delete from item");
        link.setAutoCommit(false);
        run(link, "insert into item values (1, 'a')");
        Savepoint savepoint = link.setSavepoint("s");
        equal(((SQLException) rejection(() -> run(link, "insert into item values (1, 'twice')"))).getSQLState(), "23505");
        link.rollback(savepoint);
        run(link, "insert into item values (2, 'b')");
        link.commit();
        equal(value(link, "select count(*) from item"), 2L);
    }

    private static void copy() throws Exception {
        StringBuilder lines = new StringBuilder();
        for (int n = 0; n < 1000; n++) lines.append(n).append("\ttaxi ").append(n).append('\n');
        Connection link = open();
        run(link, "delete from item");
        var copies = link.unwrap(PGConnection.class).getCopyAPI();
        equal(copies.copyIn("copy item from stdin", new StringReader(lines.toString())), 1000L);
        StringWriter out = new StringWriter();
        copies.copyOut("copy (select * from item order by id) to stdout", out);
        equal(out.toString(), lines.toString());
    }

    private static void cancel() throws Exception {
        Connection link = open();
        try (Statement statement = link.createStatement()) {
            Future<?> sleeping = THREADS.submit(() -> statement.executeQuery("select pg_sleep(30)"));
            Thread.sleep(300);
            statement.cancel();
            equal(((SQLException) rejection(() -> sleeping.get(15, TimeUnit.SECONDS))).getSQLState(), "57014");
        }
        equal(value(link, "select 1"), 1);
    }

    private static void timeOut() throws Exception {
        Connection link = open();
        try (Statement statement = link.createStatement()) {
            statement.setQueryTimeout(1);
            Future<?> sleeping = THREADS.submit(() -> statement.executeQuery("select pg_sleep(30)"));
            equal(((SQLException) rejection(() -> sleeping.get(15, TimeUnit.SECONDS))).getSQLState(), "57014");
        }
        equal(value(link, "select 1"), 1);
    }

    private static void bigRow() throws Exception {
        String big = "x".repeat(8 * 1024 * 1024);
        Connection link = open();
        equal(value(link, "select ?::text", big), big);
        equal(value(link, "select 1"), 1);
    }

    private static void nulAndUnicode() throws Exception {
        Connection link = open();
        byte[] bytes = {0, 1, 0, -1, 0};
        String words = "Ťaxi 日本語 🚕 e\u0301";
        try (PreparedStatement statement = link.prepareStatement("select ?::bytea, ?::text")) {
            statement.setBytes(1, bytes);
            statement.setString(2, words);
            ResultSet rows = statement.executeQuery();
            rows.next();
            equal(Arrays.equals(rows.getBytes(1), bytes), true);
            equal(rows.getString(2), words);
        }
        equal(((SQLException) rejection(() -> value(link, "select ?::text", "a\0b"))).getSQLState(), "22021");
        equal(value(link, "select 1"), 1);
    }

    private static void notice() throws Exception {
        try (Statement statement = open().createStatement()) {
            statement.execute("do $$ begin raise notice 'taxi %', 7; end $$");
            equal(statement.getWarnings().getMessage(), "taxi 7");
        }
    }

    private static void listen() throws Exception {
        Connection listener = open();
        run(listener, "listen rides");
        run(open(), "notify rides, 'seven'");
        PGNotification[] heard = listener.unwrap(PGConnection.class).getNotifications(3000);
        if (heard == null || heard.length == 0) throw new AssertionError("nothing heard, for 3000 ms");
        equal(heard[0].getParameter(), "seven");
    }

    private static void cursor() throws Exception {
        Connection link = open();
        link.setAutoCommit(false);
        int sum = 0;
        try (PreparedStatement statement = link.prepareStatement("select n from generate_series(1, ?::int) n")) {
            statement.setFetchSize(100);
            statement.setInt(1, 1000);
            ResultSet rows = statement.executeQuery();
            while (rows.next()) sum += rows.getInt(1);
        }
        link.commit();
        equal(sum, 500500);
    }

    private static void serverRestart() throws Exception {
        Connection old = open();
        equal(value(old, "select 1"), 1);
        equal(ask("restart"), "done");
        try {
            equal(inTime(() -> value(old, "select 2")), 2);
        } catch (SQLException mayFail) {
            Objects.requireNonNull(mayFail.getSQLState());
        }
        equal(inTime(() -> value(open(), "select 3")), 3);
    }

    private static void fiftyAtOnce() throws Exception {
        List<Connection> links = new ArrayList<>();
        for (int n = 0; n < 50; n++) links.add(open());
        List<Future<Object>> answers = new ArrayList<>();
        for (int n = 0; n < 50; n++) {
            int number = n;
            answers.add(THREADS.submit(() -> value(links.get(number), "select ?::int", number)));
        }
        for (int n = 0; n < 50; n++) equal(answers.get(n).get(15, TimeUnit.SECONDS), n);
    }

    private static void close() throws Exception {
        Connection link = open();
        equal(value(link, "select 1"), 1);
        Connection midway = open();
        midway.setAutoCommit(false);
        run(midway, "delete from item");
        link.close();
        midway.close();
        equal(ask("left"), "done");
    }

    private static void migration() throws Exception {
        Connection link = open();
        run(link, "drop table if exists jdbc_ride, jdbc_version");
        equal(List.of(migrate(link), migrate(link)), List.of(1, 0));
        equal(value(link, "insert into jdbc_ride (fare) values (12.5) returning fare::text"), "12.5");
    }

    private static int migrate(Connection link) throws SQLException {
        link.setAutoCommit(false);
        run(link, "select pg_advisory_xact_lock(4711)");
        run(link, "create table if not exists jdbc_version (number int primary key)");
        int inserted;
        try (Statement statement = link.createStatement()) {
            inserted = statement.executeUpdate("insert into jdbc_version values (1) on conflict do nothing");
        }
        if (inserted == 1) run(link, "create table jdbc_ride (id serial primary key, fare numeric not null)");
        link.commit();
        link.setAutoCommit(true);
        return inserted;
    }

    private static void settingsAtConnect() throws Exception {
        Connection link = open(
                "ApplicationName", "meter", "currentSchema", "tenant,public", "options", "-c work_mem=5MB");
        String sql = "select pg_backend_pid(), owner, current_setting('work_mem'), "
                + "current_setting('extra_float_digits'), current_setting('application_name') from whose";
        onTwoServers(() -> {
            try (Statement statement = link.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
                rows.next();
                List<String> got = new ArrayList<>();
                for (int column = 2; column <= 5; column++) got.add(rows.getString(column));
                equal(got, List.of("the tenant’s", "5MB", "3", "meter"));
                return rows.getInt(1);
            }
        });
    }

    /** Until `use`, which answers the pid of its backend, has run on two servers; others hold the first one meanwhile. */
    private static void onTwoServers(Use<Integer> use) throws Exception {
        int first = use.call();
        if (!IS_TRANSACTION_MODE) {
            equal(use.call(), first);
            return;
        }
        List<Connection> holders = new ArrayList<>();
        Set<Object> held = new HashSet<>();
        while (holders.size() < SERVERS && !held.contains(first)) {
            Connection holder = open();
            holder.setAutoCommit(false);
            held.add(value(holder, "select pg_backend_pid()"));
            holders.add(holder);
        }
        if (holders.size() == SERVERS) holders.remove(0).close();
        if (use.call() == first) throw new AssertionError("it has run on one server only");
        for (Connection holder : holders) holder.close();
        use.call();
    }

    private static Connection open(String... options) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", env("DRIVER_USER"));
        properties.setProperty("sslmode", "disable");
        if (!PREPARES) properties.setProperty("prepareThreshold", "0");
        for (int index = 0; index < options.length; index += 2) properties.setProperty(options[index], options[index + 1]);
        return openAt("DRIVER_PORT", properties);
    }

    private static Connection openScram(String password) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", env("DRIVER_SCRAM_USER"));
        properties.setProperty("password", password);
        return openAt("DRIVER_SCRAM_PORT", properties);
    }

    private static Connection openAt(String port, Properties properties) throws SQLException {
        String url = "jdbc:postgresql://" + env("DRIVER_HOST") + ":" + env(port) + "/" + env("DRIVER_DATABASE");
        Connection link = DriverManager.getConnection(url, properties);
        OPENED.add(link);
        return link;
    }

    private static void closeAll() {
        for (Connection link : OPENED) {
            try {
                link.abort(Runnable::run);
            } catch (SQLException wasBroken) {
                // The step has judged it.
            }
        }
        OPENED.clear();
    }

    private static Object value(Connection link, String sql, Object... parameters) throws SQLException {
        try (PreparedStatement statement = link.prepareStatement(sql)) {
            for (int index = 0; index < parameters.length; index++) statement.setObject(index + 1, parameters[index]);
            ResultSet rows = statement.executeQuery();
            rows.next();
            return rows.getObject(1);
        }
    }

    private static Object run(Connection link, String sql) throws SQLException {
        try (Statement statement = link.createStatement()) {
            return statement.execute(sql);
        }
    }

    private static Throwable rejection(Callable<?> call) {
        try {
            call.call();
        } catch (ExecutionException error) {
            return error.getCause();
        } catch (Exception error) {
            return error;
        }
        throw new AssertionError("it should have failed");
    }

    private static Object inTime(Callable<?> call) throws Exception {
        try {
            return THREADS.submit(call).get(15, TimeUnit.SECONDS);
        } catch (ExecutionException error) {
            throw (Exception) error.getCause();
        }
    }

    private static void equal(Object got, Object wanted) {
        if (!Objects.equals(got, wanted)) throw new AssertionError("got " + shortened(got) + ", wanted " + shortened(wanted));
    }

    private static String shortened(Object value) {
        String text = String.valueOf(value);
        return text.length() > 100 ? text.substring(0, 100) + "…" : text;
    }

    private static String ask(String what) throws Exception {
        say("{\"ask\": \"" + what + "\"}");
        return IN.readLine();
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}+", " ") + '"';
    }

    private static String env(String name) {
        return System.getenv(name);
    }
}
