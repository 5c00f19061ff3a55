namespace Postern.Mta.Store;

public sealed partial class SqliteStore
{
    /// <summary>One step per version of the schema; a step that was released never changes.</summary>
    static readonly string[] SchemaSteps =
    [
        // 1. State columns stand alone where SQL asks for them; the rest is compact JSON; `sum` guards a row.
        """
        CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE message(
            id INTEGER PRIMARY KEY, arrived INTEGER NOT NULL, facts TEXT NOT NULL, prefix BLOB,
            sum INTEGER NOT NULL);
        CREATE TABLE content(
            id INTEGER PRIMARY KEY, octets INTEGER NOT NULL, sum INTEGER NOT NULL, bytes BLOB);
        CREATE TABLE recipient(
            message INTEGER NOT NULL, number INTEGER NOT NULL, state INTEGER NOT NULL, lane TEXT NOT NULL,
            due INTEGER NOT NULL, lease INTEGER NOT NULL, keep INTEGER, facts TEXT NOT NULL,
            sum INTEGER NOT NULL,
            PRIMARY KEY(message, number)) WITHOUT ROWID;
        CREATE INDEX due ON recipient(lane, state, due) WHERE state IN (0, 2);
        CREATE TABLE event(
            seq INTEGER PRIMARY KEY, message INTEGER, at INTEGER NOT NULL, kind INTEGER NOT NULL,
            body TEXT NOT NULL,
            sum INTEGER NOT NULL);
        CREATE TABLE event_of(
            message INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(message, seq)) WITHOUT ROWID;
        CREATE TABLE object(kind TEXT NOT NULL, name TEXT NOT NULL, json BLOB NOT NULL,
            PRIMARY KEY(kind, name))
            WITHOUT ROWID;
        CREATE TABLE quarantine(
            kind TEXT NOT NULL, id INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL,
            why TEXT NOT NULL,
            PRIMARY KEY(kind, id, number)) WITHOUT ROWID;
        INSERT INTO meta VALUES ('epoch', 0), ('node', 1), ('last_id', 0), ('indexed', 0);
        """,
        // 2. Message-ID and recipient of accepted mail can be searched for. Buckets keep the inserts of the
        // indexer together: one holds 65,536 events.
        """
        ALTER TABLE event ADD COLUMN id_key INTEGER;
        ALTER TABLE event ADD COLUMN to_key INTEGER;
        CREATE TABLE search(
            bucket INTEGER NOT NULL, key INTEGER NOT NULL, seq INTEGER NOT NULL,
            PRIMARY KEY(bucket, key, seq)) WITHOUT ROWID;
        """,
        // 3. Held mail is counted and found without a look at the rest. Mail that is never held is not in it.
        """
        CREATE INDEX held ON recipient(state, message) WHERE state = 3;
        """,
    ];

    /// <summary>Opens the writer's connection and brings the schema up to date.</summary>
    static SqliteDatabase OpenWriter(string path, SqliteStoreOptions options)
    {
        var database = SqliteDatabase.Open(path);
        try
        {
            database.Execute(string.Create(null, $"PRAGMA page_size={options.PageOctets}"));
            // Both count only before the first table.
            database.Execute("PRAGMA auto_vacuum=INCREMENTAL");
            database.Execute("PRAGMA journal_mode=WAL");
            database.Execute("PRAGMA synchronous=FULL");
            database.Execute("PRAGMA cache_size=-16384");
            Migrate(database);
            if (options.PagesMax is { } pages)
                database.Execute(string.Create(null, $"PRAGMA max_page_count={pages}"));
            return database;
        }
        catch (Exception)
        {
            database.Dispose();
            throw;
        }
    }

    static void Migrate(SqliteDatabase database)
    {
        var version = (int)database.Scalar("PRAGMA user_version");
        if (version > SchemaSteps.Length)
        {
            throw new StoreException(
                StoreHealth.Failed,
                $"the store has schema {version} of a newer Postern; this one knows {SchemaSteps.Length}");
        }
        while (version < SchemaSteps.Length)
        {
            database.Execute("BEGIN IMMEDIATE");
            database.Execute(SchemaSteps[version]);
            version++;
            database.Execute(string.Create(null, $"PRAGMA user_version={version}"));
            database.Execute("COMMIT");
        }
    }

    /// <summary>A new epoch, on stable storage before anything else happens.</summary>
    static long BeginEpoch(SqliteDatabase database)
    {
        database.Execute("BEGIN IMMEDIATE");
        database.Execute("UPDATE meta SET value = value + 1 WHERE name = 'epoch'");
        var epoch = database.Scalar("SELECT value FROM meta WHERE name = 'epoch'");
        database.Execute("COMMIT");
        return epoch;
    }
}
