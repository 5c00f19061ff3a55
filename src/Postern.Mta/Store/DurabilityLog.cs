using System.Buffers.Binary;

namespace Postern.Mta.Store;

/// <summary>Numbered records in one file, each flushed before its number counts: what is left of them
/// after a kill or a power cut shows whether flushes are honoured there.</summary>
/// <remarks>Written and flushed by the calls of the store's own files. Not for several threads.</remarks>
public sealed class DurabilityLog : IDisposable
{
    /// <summary>Octets of one record.</summary>
    public const int RecordOctets = 4096;

    /// <summary>So many records, 64 MiB, and the file begins anew.</summary>
    public const int RecordsMax = 16_384;

    /// <summary>Only the last so many are looked for: the ones before may have been overwritten by what
    /// was written after the last number that anybody saw.</summary>
    public const int RecordsChecked = RecordsMax / 2;

    const string FileName = "postern-durability";

    readonly NativeFile file;
    readonly byte[] record = new byte[RecordOctets];
    long number;

    DurabilityLog(NativeFile file) => this.file = file;

    /// <summary>Where its file lies.</summary>
    public MountPoint Mount => MountPoint.Of(file.Handle);

    /// <summary>Proves that a flush that fails is seen.</summary>
    /// <exception cref="StoreException">It is not.</exception>
    public static void TestFlush() => NativeFile.TestSelf();

    /// <summary>Makes the file, flushed with its directory.</summary>
    /// <exception cref="IOException">It is there already, or cannot be made.</exception>
    public static DurabilityLog Create(string directory)
    {
        var log = new DurabilityLog(NativeFile.Create(PathIn(directory)));
        NativeFile.FlushDirectory(directory);
        return log;
    }

    /// <summary>Writes and flushes the next record. Its number, from 1: from now on it may not be
    /// lost.</summary>
    /// <exception cref="IOException">It could not be written, or the flush failed.</exception>
    public long Append()
    {
        number++;
        for (var at = 0; at < RecordOctets; at += sizeof(long))
            BinaryPrimitives.WriteInt64LittleEndian(record.AsSpan(at), number);
        RandomAccess.Write(file.Handle, record, OffsetOf(number));
        file.Flush();
        return number;
    }

    /// <summary>Numbers up to <paramref name="last"/> whose record is missing or not whole.</summary>
    /// <exception cref="IOException">The file is not there, or cannot be read.</exception>
    public static IReadOnlyList<long> FindLost(string directory, long last)
    {
        using var file = File.OpenHandle(PathIn(directory));
        var lost = new List<long>();
        var record = new byte[RecordOctets];
        for (var wanted = Math.Max(1, last - RecordsChecked + 1); wanted <= last; wanted++)
        {
            var octets = RandomAccess.Read(file, record, OffsetOf(wanted));
            // A later record in its place was written after it.
            var found = octets == RecordOctets ? NumberOf(record) : 0;
            if (found < wanted || (found - wanted) % RecordsMax != 0)
                lost.Add(wanted);
        }
        return lost;
    }

    /// <summary>Removes the file.</summary>
    public static void Remove(string directory) => File.Delete(PathIn(directory));

    public void Dispose() => file.Dispose();

    static string PathIn(string directory) => Path.Combine(directory, FileName);

    static long OffsetOf(long number) => number % RecordsMax * RecordOctets;

    /// <summary>0: it is torn.</summary>
    static long NumberOf(ReadOnlySpan<byte> record)
    {
        var first = record[..sizeof(long)];
        for (var at = sizeof(long); at < RecordOctets; at += sizeof(long))
        {
            if (!record.Slice(at, sizeof(long)).SequenceEqual(first))
                return 0;
        }
        return BinaryPrimitives.ReadInt64LittleEndian(first);
    }
}
