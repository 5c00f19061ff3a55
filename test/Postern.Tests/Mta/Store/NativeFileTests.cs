using Postern.Mta.Store;

namespace Postern.Tests.Mta.Store;

public sealed class NativeFileTests
{
    [Fact]
    public void TestSelf_OnThisSystem_Passes() => NativeFile.TestSelf();

    [Fact]
    public void Write_ToAFullDisk_SaysFull()
    {
        using var file = NativeFile.OpenOrCreate("/dev/full");
        Assert.True(Assert.Throws<NativeFileException>(() => file.Write("x"u8)).IsFull);
    }

    [Fact]
    public void Flush_AfterAFailedOne_IsNotTriedAgain()
    {
        var path = Path.GetTempFileName();
        using var file = NativeFile.OpenOrCreate(path);
        // A pipe cannot be flushed: EINVAL.
        using (Descriptors.ReplaceByPipe(path))
            Assert.Throws<NativeFileException>(file.Flush);
        Assert.Throws<NativeFileException>(file.Flush);
        File.Delete(path);
    }

    [Fact]
    public void Unlock_WhileAChildHasACopy_LetsTheNextOneIn()
    {
        var path = Path.GetTempFileName();
        var first = NativeFile.OpenOrCreate(path);
        using var second = NativeFile.OpenOrCreate(path);
        Assert.True(first.TryLock());
        using var copy = Descriptors.Copy(first.Handle);
        Assert.False(second.TryLock());
        first.Unlock();
        first.Dispose();
        Assert.True(second.TryLock());
        File.Delete(path);
    }

    [Fact]
    public void FlushDirectory_OfAMissingOne_Throws() =>
        Assert.Throws<NativeFileException>(() => NativeFile.FlushDirectory("/nonexistent"));
}
