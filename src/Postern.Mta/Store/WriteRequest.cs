using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Threading.Tasks.Sources;

namespace Postern.Mta.Store;

/// <summary>
/// One change on its way to the writer, already in the octets that will lie in its rows; used again and
/// again.
/// </summary>
/// <remarks>The caller's thread does the encoding: the one writer thread is what bounds the rate.</remarks>
/// <param name="pool">Where it goes when it is done with.</param>
sealed class WriteRequest(ConcurrentQueue<WriteRequest> pool) : IValueTaskSource
{
    const int KeptOctetsMax = 64 << 10;
    const int PooledMax = 512;

    static readonly JsonWriterOptions JsonOptions =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    readonly List<int> ends = [];
    ManualResetValueTaskSourceCore<bool> completion;
    ArrayBufferWriter<byte> buffer = new(2048);

    /// <summary>What to write. Null for <see cref="Work"/>.</summary>
    public StoreChange? Change { get; private set; }

    /// <summary>A step of the store's own, in a transaction of its own, on the writer's thread.</summary>
    public Action? Work { get; private set; }

    /// <summary>Somebody waits for it.</summary>
    public bool IsWaited { get; private set; }

    /// <summary>Octets of content in it.</summary>
    public long ContentOctets { get; private set; }

    public ValueTask Completed => new(this, completion.Version);

    public void Post(StoreChange change)
    {
        IsWaited = false;
        Encode(change);
    }

    public void Wait(StoreChange change)
    {
        IsWaited = true;
        Encode(change);
    }

    public void Wait(Action work)
    {
        IsWaited = true;
        Work = work;
    }

    public void Post(Action work)
    {
        IsWaited = false;
        Work = work;
    }

    /// <summary>
    /// The encoded part with this number: messages, recipients, lanes, events and rewritten events in
    /// their order.
    /// </summary>
    public ReadOnlySpan<byte> Part(int number)
    {
        var start = number == 0 ? 0 : ends[number - 1];
        return buffer.WrittenSpan[start..ends[number]];
    }

    /// <summary>
    /// It is stored, or is not and never will be. Whoever waited goes on from here, on this thread. Not to be
    /// touched afterwards.
    /// </summary>
    public void End(StoreException? error)
    {
        if (!IsWaited)
            Recycle();
        else if (error is null)
            completion.SetResult(true);
        else
            completion.SetException(error);
    }

    void Recycle()
    {
        Change = null;
        Work = null;
        ContentOctets = 0;
        ends.Clear();
        if (buffer.Capacity > KeptOctetsMax)
            buffer = new ArrayBufferWriter<byte>(2048);
        else
            buffer.ResetWrittenCount();
        completion.Reset();
        if (pool.Count < PooledMax)
            pool.Enqueue(this);
    }

    void IValueTaskSource.GetResult(short token)
    {
        try
        {
            completion.GetResult(token);
        }
        finally
        {
            Recycle();
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => completion.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        completion.OnCompleted(continuation, state, token, flags);

    void Encode(StoreChange change)
    {
        Change = change;
        using var json = new Utf8JsonWriter(buffer, JsonOptions);
        foreach (var message in change.Messages)
        {
            Add(json, RowCodec.ToRow(message.Message), RowJson.Default.MessageRow);
            ContentOctets += message.Content?.Octets ?? 0;
        }
        foreach (var recipient in change.Recipients)
        {
            Add(json, RowCodec.ToRow(recipient), RowJson.Default.RecipientRow);
            Encoding.UTF8.GetBytes(recipient.Lane, buffer);
            ends.Add(buffer.WrittenCount);
        }
        foreach (var fact in change.Events)
            Add(json, RowCodec.ToRow(fact), RowJson.Default.EventRow);
        foreach (var stored in change.Rewritten)
            Add(json, RowCodec.ToRow(stored.Event), RowJson.Default.EventRow);
    }

    void Add<T>(Utf8JsonWriter json, T row, JsonTypeInfo<T> type)
    {
        json.Reset();
        JsonSerializer.Serialize(json, row, type);
        json.Flush();
        ends.Add(buffer.WrittenCount);
    }
}
