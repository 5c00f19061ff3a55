using Postern.Mta.Events;
using Postern.Tests.Configuration;

namespace Postern.Tests.Events;

public sealed class LogTargetTests : IDisposable
{
    readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void FindTrouble_FileThatIsMissing_MakesItAndHidesItFromOthers()
    {
        var file = directory.PathOf("postern.log");
        Assert.Null(LogTarget.FindTrouble(file));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead,
            File.GetUnixFileMode(file));
    }

    [Fact]
    public void Open_OfAFileThatIsThere_LeavesItsMode()
    {
        const UnixFileMode narrow = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var file = directory.Write("postern.log", "a line\n");
        File.SetUnixFileMode(file, narrow);
        LogTarget.Open(file).Dispose();
        Assert.Equal(narrow, File.GetUnixFileMode(file));
    }

    [Fact]
    public void FindTrouble_FileWithLines_LeavesThemAlone()
    {
        var file = directory.Write("postern.log", "a line\n");
        Assert.Null(LogTarget.FindTrouble(file));
        Assert.Equal("a line\n", File.ReadAllText(file));
    }

    [Fact]
    public void FindTrouble_DirectoryThatIsMissing_IsNamed()
    {
        var file = directory.PathOf("none/postern.log");
        Assert.Contains(file, LogTarget.FindTrouble(file), StringComparison.Ordinal);
    }

    [Fact]
    public void FindTrouble_Directory_IsNoFile() =>
        Assert.Contains("is a directory", LogTarget.FindTrouble("/proc"), StringComparison.Ordinal);

    [Fact]
    public void FindTrouble_FileThatNotEvenRootMayWrite_IsNamed() => Assert.Equal(
        "/proc/sys/kernel/version cannot be written by this user",
        LogTarget.FindTrouble("/proc/sys/kernel/version"));
}
