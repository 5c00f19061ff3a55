using System.Diagnostics;
using Postern.Mta.Events;
using Postern.Tests.Mta.Store;

namespace Postern.Tests.Events;

public sealed class MailTraceTests
{
    const string Good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    [Fact]
    public void Parent_AsW3cWritesIt_IsTaken()
    {
        Assert.True(MailTrace.TryParseParent(Good, "congo=t61rcWkgMzE", out var context));
        Assert.Equal(
            ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "congo=t61rcWkgMzE"),
            (context.TraceId.ToHexString(), context.SpanId.ToHexString(), context.TraceState));
        Assert.True(context is { TraceFlags: ActivityTraceFlags.Recorded, IsRemote: true });
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra")]
    [InlineData("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01")]
    [InlineData("00-00000000000000000000000000000000-b7ad6b7169203331-01")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01")]
    [InlineData("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x")]
    [InlineData("00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319\r-b7ad6b7169203331-01")]
    public void Parent_Malformed_CountsForNothing(string? parent)
    {
        Assert.False(MailTrace.TryParseParent(parent, "a=b", out var context));
        Assert.Equal(default, context);
    }

    [Theory]
    [InlineData("a=\u001b[31m")]
    [InlineData("a=é")]
    [InlineData("")]
    [InlineData(null)]
    public void State_ThatMayNotStand_IsLeftOut(string? state)
    {
        Assert.True(MailTrace.TryParseParent(Good, state, out var context));
        Assert.Null(context.TraceState);
    }

    [Theory]
    [InlineData(512, true)]
    [InlineData(513, false)]
    public void State_IsBounded(int characters, bool isTaken)
    {
        Assert.True(MailTrace.TryParseParent(Good, new string('a', characters), out var context));
        Assert.Equal(isTaken, context.TraceState is not null);
    }

    [Fact]
    public void Octets_GiveTheSameBack_AndAreFewWithoutAState()
    {
        var plain = Sample.FullTrace with { State = null };
        Assert.Equal(24, plain.ToOctets().Length);
        foreach (var trace in (MailTrace[])[plain, Sample.FullTrace])
        {
            Assert.True(MailTrace.TryParse(trace.ToOctets(), out var read));
            Assert.Equal(trace, read);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(23)]
    [InlineData(24 + 513)]
    public void Octets_OfAWrongNumber_AreRefused(int count) =>
        Assert.False(MailTrace.TryParse(new byte[count], out _));
}
