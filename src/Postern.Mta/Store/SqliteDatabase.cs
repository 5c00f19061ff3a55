using System.Text;
using SQLitePCL;

namespace Postern.Mta.Store;

/// <summary>
/// One connection to the database and its prepared statements; used by one thread at a time.
/// </summary>
/// <remarks>
/// The calls go to SQLite itself (SQLitePCLRaw, which Microsoft.Data.Sqlite stands on): statements are kept,
/// octets are bound from where they lie, and every result is an extended code.
/// </remarks>
sealed class SqliteDatabase : IDisposable
{
    readonly sqlite3 handle;
    readonly Dictionary<string, SqliteStatement> statements = [];

    SqliteDatabase(sqlite3 handle) => this.handle = handle;

    /// <exception cref="SqliteFailure">It cannot be opened.</exception>
    public static SqliteDatabase Open(string path) => Open(path, SqliteFiles.Name);

    /// <summary>A database of which nothing need outlive a loss of power: its log is SQLite's own.</summary>
    /// <exception cref="SqliteFailure">It cannot be opened.</exception>
    public static SqliteDatabase OpenDerived(string path) => Open(path, vfs: null);

    static SqliteDatabase Open(string path, string? vfs)
    {
        Batteries_V2.Init();
        var result = raw.sqlite3_open_v2(
            path,
            out var handle,
            raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE | raw.SQLITE_OPEN_NOMUTEX,
            vfs);
        if (result != raw.SQLITE_OK)
        {
            handle?.Dispose();
            throw new SqliteFailure(result, raw.sqlite3_errstr(result).utf8_to_string());
        }
        var database = new SqliteDatabase(handle);
        try
        {
            raw.sqlite3_extended_result_codes(handle, 1);
            raw.sqlite3_busy_timeout(handle, 5000);
            // A close must not write: after a failed flush nothing is ever written again.
            raw.sqlite3_db_config(handle, raw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, out _);
            database.Execute("PRAGMA wal_autocheckpoint=0");
            database.Execute("PRAGMA foreign_keys=OFF");
            database.Execute("PRAGMA secure_delete=OFF");
            return database;
        }
        catch (SqliteFailure)
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Rows changed by the last statement.</summary>
    public int Changes => raw.sqlite3_changes(handle);

    /// <summary>Rows changed since this connection was opened, by its own tables and those behind
    /// them.</summary>
    public int TotalChanges => raw.sqlite3_total_changes(handle);

    public bool InTransaction => raw.sqlite3_get_autocommit(handle) == 0;

    /// <summary>Pages that went to the log since this connection was opened.</summary>
    public int PagesWritten
    {
        get
        {
            const int cacheWrite = 9; // SQLITE_DBSTATUS_CACHE_WRITE
            raw.sqlite3_db_status(handle, cacheWrite, out var pages, out _, 0);
            return pages;
        }
    }

    /// <summary>The statement, prepared once. Dispose of it to end its read; it stays prepared.</summary>
    public SqliteStatement Use(string sql)
    {
        if (statements.TryGetValue(sql, out var statement))
            return statement;
        var result = raw.sqlite3_prepare_v3(handle, sql, raw.SQLITE_PREPARE_PERSISTENT, out var prepared);
        if (result != raw.SQLITE_OK)
            throw Failure(result);
        return statements[sql] = new SqliteStatement(this, prepared);
    }

    public void Execute(string sql)
    {
        var result = raw.sqlite3_exec(handle, sql);
        if (result != raw.SQLITE_OK)
            throw Failure(result);
    }

    public long Scalar(string sql)
    {
        using var rows = Use(sql);
        return rows.Step() ? rows.Long(0) : 0;
    }

    /// <summary>What runs is ended as soon as it is over; until the answer is disposed it is asked again and
    /// again, a few steps of SQLite's machine apart.</summary>
    public IDisposable EndWhen(Func<bool> isOver)
    {
        // A look at one page of an index of words is a dozen of them: half a millisecond.
        const int steps = 100;
        raw.sqlite3_progress_handler(handle, steps, _ => isOver() ? 1 : 0, null);
        return new Ending(handle);
    }

    sealed class Ending(sqlite3 handle) : IDisposable
    {
        public void Dispose() => raw.sqlite3_progress_handler(handle, 0, null, null);
    }

    /// <summary>Ends a failed transaction. Writes nothing.</summary>
    public void RollBack()
    {
        // SQLite may have ended it by itself; whatever this says changes nothing.
        if (InTransaction)
            raw.sqlite3_exec(handle, "ROLLBACK");
    }

    /// <summary>Moves pages from the log to the database, as far as readers allow.</summary>
    /// <returns>Pages in the log, and how many of them have been moved.</returns>
    public (int Logged, int Moved) Checkpoint(int mode)
    {
        var result = raw.sqlite3_wal_checkpoint_v2(handle, "main", mode, out var logged, out var moved);
        if (result is not (raw.SQLITE_OK or raw.SQLITE_BUSY))
            throw Failure(result);
        if (logged < 0)
            throw new InvalidOperationException("The connection has no log to move.");
        return (logged, moved);
    }

    public SqliteFailure Failure(int result)
    {
        var extended = raw.sqlite3_extended_errcode(handle);
        var code = (extended & 0xff) == (result & 0xff) ? extended : result;
        return new SqliteFailure(code, raw.sqlite3_errmsg(handle).utf8_to_string());
    }

    public void Dispose()
    {
        foreach (var statement in statements.Values)
            statement.Close();
        statements.Clear();
        raw.sqlite3_close_v2(handle);
        handle.Dispose();
    }
}

/// <summary>A prepared statement: bind, step, read; disposing resets it for the next use.</summary>
sealed class SqliteStatement(SqliteDatabase database, sqlite3_stmt handle) : IDisposable
{
    public SqliteStatement Bind(int index, long value)
    {
        Check(raw.sqlite3_bind_int64(handle, index, value));
        return this;
    }

    public SqliteStatement Bind(int index, long? value)
    {
        Check(value is { } number
            ? raw.sqlite3_bind_int64(handle, index, number)
            : raw.sqlite3_bind_null(handle, index));
        return this;
    }

    public SqliteStatement BindNull(int index)
    {
        Check(raw.sqlite3_bind_null(handle, index));
        return this;
    }

    public SqliteStatement BindBlob(int index, ReadOnlySpan<byte> octets)
    {
        Check(octets.IsEmpty
            ? raw.sqlite3_bind_zeroblob(handle, index, 0)
            : raw.sqlite3_bind_blob(handle, index, octets));
        return this;
    }

    public SqliteStatement BindText(int index, ReadOnlySpan<byte> utf8)
    {
        Check(raw.sqlite3_bind_text(handle, index, utf8));
        return this;
    }

    public SqliteStatement BindText(int index, string text)
    {
        const int stackOctetsMax = 512;
        var length = Encoding.UTF8.GetMaxByteCount(text.Length);
        var utf8 = length <= stackOctetsMax ? stackalloc byte[stackOctetsMax] : new byte[length];
        return BindText(index, utf8[..Encoding.UTF8.GetBytes(text, utf8)]);
    }

    /// <summary>Runs it to its end and resets it.</summary>
    public void Run()
    {
        using (this)
        {
            while (Step())
            {
            }
        }
    }

    /// <summary>True: there is a row.</summary>
    public bool Step()
    {
        var result = raw.sqlite3_step(handle);
        if (result is not (raw.SQLITE_ROW or raw.SQLITE_DONE))
            throw database.Failure(result);
        return result == raw.SQLITE_ROW;
    }

    public long Long(int column) => raw.sqlite3_column_int64(handle, column);

    public bool IsNull(int column) => raw.sqlite3_column_type(handle, column) == raw.SQLITE_NULL;

    public long? LongOrNull(int column) => IsNull(column) ? null : Long(column);

    /// <summary>Octets of a blob or a text, valid until the next step.</summary>
    public ReadOnlySpan<byte> Blob(int column) => raw.sqlite3_column_blob(handle, column);

    public string Text(int column) => Encoding.UTF8.GetString(Blob(column));

    /// <summary>Resets it: its read is over.</summary>
    public void Dispose() => raw.sqlite3_reset(handle);

    public void Close() => handle.Dispose();

    void Check(int result)
    {
        if (result != raw.SQLITE_OK)
            throw database.Failure(result);
    }
}

/// <summary>What SQLite answered instead of doing it.</summary>
/// <param name="code">Its extended result code.</param>
sealed class SqliteFailure(int code, string message) : Exception($"SQLite {code}: {message}")
{
    public int Code => code;

    public bool IsFull => (code & 0xff) == raw.SQLITE_FULL;

    /// <summary>It was told to end: <see cref="SqliteDatabase.EndWhen"/>.</summary>
    public bool IsInterrupted => (code & 0xff) == raw.SQLITE_INTERRUPT;

    public bool IsDamage => (code & 0xff) is raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB;

    /// <summary>A row is not as it was written, though SQLite finds nothing wrong with it.</summary>
    public static SqliteFailure Damage(string what) => new(raw.SQLITE_CORRUPT, what);

    /// <summary>The disk or the database cannot be trusted with another write.</summary>
    public bool IsFatal => IsDamage || (code & 0xff) is raw.SQLITE_IOERR or raw.SQLITE_CANTOPEN
        or raw.SQLITE_READONLY or raw.SQLITE_PERM or raw.SQLITE_AUTH;
}
