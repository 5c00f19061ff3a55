using Postern.Cli;

namespace Postern.Tests.Cli;

public sealed class QueueCommandTests
{
    [Theory]
    [InlineData("admin/v1/queue/hold?", "&id=0A1B2C3D4E5F6", "admin/v1/queue/hold?id=0A1B2C3D4E5F6")]
    [InlineData("admin/v1/queue/hold?", "&state=ready&route=a", "admin/v1/queue/hold?state=ready&route=a")]
    [InlineData(
        "admin/v1/inbound/replay?done=true", "&all=true", "admin/v1/inbound/replay?done=true&all=true")]
    public void Call_HasNoEmptyField(string path, string selection, string call) =>
        Assert.Equal(call, QueueCommand.Join(path, selection));
}
