using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Postern.Mta.Queue;

namespace Postern.Mta.Store;

public sealed partial class SqliteStore
{
    /// <summary>Content over so many octets goes to a file of its own (DESIGN §3).</summary>
    public const int ContentOctetsMax = 256 << 10;

    /// <summary>Files that are flushed and not yet named by a commit.</summary>
    readonly ConcurrentDictionary<string, (long Octets, uint Sum)> files = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public ContentFileWriter CreateContentFile(QueueId id)
    {
        if (Health is not StoreHealth.Accepting and var health)
            throw Refusal(health);
        try
        {
            return new FileWriter(this, id.ToString());
        }
        catch (NativeFileException error)
        {
            throw FileFailed(error);
        }
    }

    StoreException FileFailed(NativeFileException error)
    {
        if (error.IsFull)
        {
            diskFull = true;
            LogFull(error.Message);
            return Refusal(StoreHealth.Full, error);
        }
        Fail(error.Message);
        return Refusal(StoreHealth.Failed, error);
    }

    sealed class FileWriter : ContentFileWriter
    {
        /// <summary>Small pieces gather up to this before they are written: a peer chooses their
        /// size.</summary>
        const int GatheredOctetsMax = 64 << 10;

        readonly SqliteStore store;
        readonly NativeFile file;
        readonly ArrayBufferWriter<byte> gathered = new(GatheredOctetsMax);
        RowSum sum = new();
        long octets;
        bool flushed;
        bool kept;

        public FileWriter(SqliteStore store, string name)
        {
            this.store = store;
            Name = name;
            file = NativeFile.Create(store.directory.ContentFile(name));
        }

        public override string Name { get; }

        public override ValueTask WriteAsync(ReadOnlySequence<byte> octets, CancellationToken cancel)
        {
            store.Spend(octets.Length);
            if (store.Health is not StoreHealth.Accepting and var health)
                throw Refusal(health);
            foreach (var segment in octets)
                sum.AddOctets(segment.Span);
            this.octets += octets.Length;
            if (gathered.WrittenCount + octets.Length > GatheredOctetsMax)
                return WriteOutAsync(octets);
            foreach (var segment in octets)
                gathered.Write(segment.Span);
            return ValueTask.CompletedTask;
        }

        /// <remarks>The disk may make a writer wait, and the thread that brings the octets serves other
        /// sockets too.</remarks>
        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
        async ValueTask WriteOutAsync(ReadOnlySequence<byte> octets)
        {
            try
            {
                await Task.Run(() => Write(octets), CancellationToken.None).ConfigureAwait(false);
            }
            catch (NativeFileException error)
            {
                throw store.FileFailed(error);
            }
        }

        void Write(ReadOnlySequence<byte> octets)
        {
            WriteGathered();
            foreach (var segment in octets)
                file.Write(segment.Span);
        }

        void WriteGathered()
        {
            file.Write(gathered.WrittenSpan);
            gathered.ResetWrittenCount();
        }

        public override async ValueTask FlushAsync(CancellationToken cancel)
        {
            if (store.failed)
                throw Refusal(StoreHealth.Failed);
            try
            {
                WriteGathered();
                await store.flusher.FlushAsync(file, store.directory.Contents).ConfigureAwait(false);
                store.files[Name] = (octets, sum.Value);
                flushed = true;
            }
            catch (NativeFileException error)
            {
                throw store.FileFailed(error);
            }
        }

        public override StoredContent Open() =>
            FileContent.Open(store.directory.ContentFile(Name), octets, sum.Value);

        public override void Keep() => kept = true;

        public override ValueTask DisposeAsync()
        {
            file.Dispose();
            // A commit that failed with the disk may yet be found in the log by the next start, which then
            // needs the file.
            if (!kept && !store.failed)
            {
                var isUnnamed = store.files.TryRemove(Name, out _);
                if (isUnnamed || !flushed)
                    store.Unlink(Name);
            }
            return ValueTask.CompletedTask;
        }
    }
}
