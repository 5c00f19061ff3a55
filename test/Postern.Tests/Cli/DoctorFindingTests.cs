using Postern.Cli;
using Postern.Mta.Store;

namespace Postern.Tests.Cli;

/// <summary>What the doctor makes of what it finds.</summary>
public sealed class DoctorFindingTests
{
    [Theory]
    [InlineData(800, DoctorVerdict.Good)]
    [InlineData(20_000, DoctorVerdict.Good)]
    [InlineData(20_001, DoctorVerdict.Doubtful)]
    public void Rate_BeyondWhatADriveCanDo_IsDoubtful(int flushes, object verdict) =>
        Assert.Equal(verdict, DoctorFinding.OfRate(flushes, TimeSpan.FromSeconds(1)).Verdict);

    [Theory]
    [InlineData("ext4", "rw,relatime", DoctorVerdict.Good)]
    [InlineData("xfs", "rw,noatime", DoctorVerdict.Good)]
    [InlineData("ext4", "rw,nobarrier", DoctorVerdict.Bad)]
    [InlineData("ext4", "rw,data=writeback", DoctorVerdict.Bad)]
    [InlineData("ext4", "ro", DoctorVerdict.Bad)]
    [InlineData("tmpfs", "rw", DoctorVerdict.Bad)]
    [InlineData("overlay", "rw", DoctorVerdict.Doubtful)]
    [InlineData("overlay", "rw,volatile", DoctorVerdict.Bad)]
    [InlineData("nfs4", "rw", DoctorVerdict.Doubtful)]
    [InlineData("fuse.sshfs", "rw", DoctorVerdict.Doubtful)]
    [InlineData("", "", DoctorVerdict.Doubtful)]
    public void Mount_ThatWeakensFlushes_CountsAgainstTheDisk(
        string type, string options, object verdict) =>
        Assert.Equal(
            verdict, DoctorFinding.OfMount(new MountPoint("/", type, options.Split(','))).Verdict);

    [Fact]
    public void Space_AtTheReserve_IsBad()
    {
        Assert.Equal(DoctorVerdict.Bad, DoctorFinding.OfSpace(new DiskSpace(100, 1000), 100).Verdict);
        Assert.Equal(DoctorVerdict.Good, DoctorFinding.OfSpace(new DiskSpace(101, 1000), 100).Verdict);
    }

    [Fact]
    public void Records_LostAfterTheirFlush_AreCountedAndNamed()
    {
        var finding = DoctorFinding.OfRecords("power cut", 40, [7, 8]);
        Assert.Equal(DoctorVerdict.Bad, finding.Verdict);
        Assert.Equal("of records 1 to 40, which were flushed, 2 are lost, the first is 7", finding.Text);
    }
}
