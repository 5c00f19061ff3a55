using Postern.Mta.Store;
using Postern.Tests.Configuration;

namespace Postern.Tests.Mta.Store;

public sealed class DurabilityLogTests : IDisposable
{
    const int Octets = DurabilityLog.RecordOctets;

    readonly TemporaryDirectory directory = new();

    string Place => Path.GetDirectoryName(directory.PathOf("x"))!;

    public void Dispose() => directory.Dispose();

    [Fact]
    public void FindLost_OfWhatWasWritten_FindsNothing()
    {
        Assert.Equal(9, Write(9));
        Assert.Empty(DurabilityLog.FindLost(Place, 9));
        Assert.Empty(DurabilityLog.FindLost(Place, 7)); // more than anybody saw
    }

    [Theory]
    [InlineData(Octets * 9, new long[] { 9 })]
    [InlineData((Octets * 9) + 100, new long[] { 9 })]
    [InlineData(0, new long[] { 1, 2, 3, 4, 5, 6, 7, 8, 9 })]
    public void FindLost_OfATruncatedFile_NamesWhatIsGone(long length, long[] lost)
    {
        Write(9);
        using (var file = Open())
            file.SetLength(length);
        Assert.Equal(lost, DurabilityLog.FindLost(Place, 9));
    }

    [Fact]
    public void FindLost_OfATornRecord_NamesIt()
    {
        Write(9);
        using (var file = Open())
        {
            file.Position = (4 * Octets) + 2000;
            file.Write(new byte[100]);
        }
        Assert.Equal([4], DurabilityLog.FindLost(Place, 9));
    }

    [Fact]
    public void FindLost_WhereLaterRecordsLie_TakesThemAndNoEarlierOnes()
    {
        const int max = DurabilityLog.RecordsMax;
        Write(9);
        WriteUnflushed(max + 1, max + 2, max + 3);
        Assert.Empty(DurabilityLog.FindLost(Place, 9));
        Assert.Equal([4L], DurabilityLog.FindLost(Place, max + 4).Where(n => n > max).Select(n => n - max));
    }

    [Fact]
    public void Create_OverAnEarlierTrial_IsRefused()
    {
        Write(1);
        Assert.ThrowsAny<IOException>(() => DurabilityLog.Create(Place));
        DurabilityLog.Remove(Place);
        Assert.Equal(1, Write(1));
    }

    [Fact]
    public void Mount_OfTheFile_IsTheOneThatTheKernelNames()
    {
        using var log = DurabilityLog.Create(Place);
        Assert.NotEmpty(log.Mount.FileSystem);
        Assert.StartsWith(log.Mount.Path, Place, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_ReadsTypeOptionsAndOddPaths()
    {
        const string mounts = """
            36 35 98:0 / / rw,noatime master:1 - ext4 /dev/root rw,data=writeback
            37 36 0:40 /a /srv/my\040mail rw - tmpfs none rw,size=1k
            """;
        var mount = MountPoint.Find(mounts, "37");
        Assert.Equal(("/srv/my mail", "tmpfs"), (mount.Path, mount.FileSystem));
        Assert.Equal(["rw", "noatime", "rw", "data=writeback"], MountPoint.Find(mounts, "36").Options);
        Assert.Equal("", MountPoint.Find(mounts, "38").FileSystem);
    }

    long Write(int count)
    {
        using var log = DurabilityLog.Create(Place);
        for (var i = 1; i < count; i++)
            log.Append();
        return log.Append();
    }

    void WriteUnflushed(params ReadOnlySpan<long> numbers)
    {
        using var file = Open();
        foreach (var number in numbers)
        {
            file.Position = number % DurabilityLog.RecordsMax * Octets;
            for (var i = 0; i < Octets / sizeof(long); i++)
                file.Write(BitConverter.GetBytes(number));
        }
    }

    FileStream Open() => File.OpenWrite(Directory.GetFiles(Place)[0]);
}
