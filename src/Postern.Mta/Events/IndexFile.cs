using Postern.Mta.Store;

namespace Postern.Mta.Events;

/// <summary>The file of the index of messages: made anew whenever it is not as this Postern makes
/// it.</summary>
static class IndexFile
{
    /// <summary>Of the tables below; a file with another number is made anew.</summary>
    const int Schema = 1;

    /// <summary>Pages of its log before they are moved: 16 MiB, so that the disk is flushed seldom.</summary>
    const int LogPagesMax = 4096;

    // Words hold no blanks: all that is printed belongs to one.
    const string Tables =
        """
        CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE card(
            id INTEGER PRIMARY KEY, at INTEGER NOT NULL, sender TEXT NOT NULL, recipients TEXT NOT NULL,
            subject TEXT, tags TEXT NOT NULL, door TEXT NOT NULL, account TEXT, octets INTEGER,
            message_id TEXT NOT NULL, failed INTEGER NOT NULL, expired INTEGER NOT NULL,
            held INTEGER NOT NULL, waiting INTEGER NOT NULL, delayed INTEGER NOT NULL,
            relayed INTEGER NOT NULL, cancelled INTEGER NOT NULL, delivered INTEGER NOT NULL,
            expanded INTEGER NOT NULL, flags INTEGER NOT NULL, state INTEGER NOT NULL,
            last_seq INTEGER NOT NULL, fates BLOB NOT NULL);
        CREATE INDEX card_state ON card(state, id);
        CREATE TABLE crowd(id INTEGER PRIMARY KEY, addresses TEXT NOT NULL);
        CREATE TABLE tally(state INTEGER PRIMARY KEY, count INTEGER NOT NULL);
        CREATE TABLE operated(
            seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, what TEXT NOT NULL,
            count INTEGER);
        CREATE VIRTUAL TABLE words USING fts5(
            sender, recipient, subject, tag, ident, content='', contentless_delete=1, detail=column,
            prefix='2 3',
            tokenize="ascii tokenchars '!""#$%&''()*+,-./:;<=>?@[\]^_`{|}~'");
        """;

    /// <summary>Opens the writer's connection, and makes the tables where there are none.</summary>
    /// <returns>Null: the file is of another schema.</returns>
    /// <exception cref="SqliteFailure">It cannot be opened, or it is damaged.</exception>
    public static SqliteDatabase? TryOpen(string path)
    {
        // SQLite makes its files with 0644; made here first, they and their journals are 0600.
        NativeFile.OpenOrCreate(path).Dispose();
        var database = SqliteDatabase.OpenDerived(path);
        try
        {
            database.Execute("PRAGMA journal_mode=WAL");
            database.Execute("PRAGMA synchronous=NORMAL");
            // Rows that are replaced leave nothing in the pages that are written anyway.
            database.Execute("PRAGMA secure_delete=FAST");
            database.Execute("PRAGMA cache_size=-16384");
            database.Execute(string.Create(null, $"PRAGMA wal_autocheckpoint={LogPagesMax}"));
            var schema = database.Scalar("PRAGMA user_version");
            if (schema == Schema)
                return database;
            if (schema == 0 && database.Scalar("SELECT count(*) FROM sqlite_schema") == 0)
            {
                database.Execute(string.Create(
                    null, $"BEGIN IMMEDIATE; {Tables} PRAGMA user_version={Schema}; COMMIT"));
                return database;
            }
            database.Dispose();
            return null;
        }
        catch (SqliteFailure)
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>For questions; whoever has it asks one at a time.</summary>
    public static SqliteDatabase OpenReader(string path)
    {
        var database = SqliteDatabase.OpenDerived(path);
        database.Execute("PRAGMA query_only=1");
        database.Execute("PRAGMA cache_size=-8192");
        return database;
    }

    public static void Remove(string path)
    {
        foreach (var file in (string[])[path, path + "-wal", path + "-shm"])
            NativeFile.TryUnlink(file);
    }
}
