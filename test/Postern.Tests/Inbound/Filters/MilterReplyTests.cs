using System.Text;
using Postern.Mta.Inbound.Filters;

namespace Postern.Tests.Inbound.Filters;

/// <summary>What a milter wants the peer to be told, as far as the peer is told it.</summary>
public sealed class MilterReplyTests
{
    [Theory]
    [InlineData("550 5.7.1 Spam message rejected\0", "550 5.7.1 Spam message rejected")]
    [InlineData("451 4.7.1 Try again later\0", "451 4.7.1 Try again later")]
    [InlineData("550\0", "550 5.7.1 ")]
    [InlineData("554 no status\0", "554 5.7.1 no status")]
    [InlineData("550 4.7.1 digits differ\0", "550 5.7.1 digits differ")]
    [InlineData("550 5.7.1\0", "550 5.7.1 ")]
    [InlineData("421 4.3.2 closing\0", "451 4.3.2 closing")]
    [InlineData("550 5.7.1 100%% sure, %s\0", "550 5.7.1 100% sure, %s")]
    [InlineData("550 5.7.1 a\u001b\u00e9\nRCPT\0", "550 5.7.1 a???RCPT")]
    [InlineData("550-5.7.1 one\r\n550 5.7.1 two\0", "550 5.7.1 one two")]
    [InlineData("550 5.7.1 one\r\n\0", "550 5.7.1 one")]
    public void Reply_IsCleaned(string said, string expected)
    {
        Assert.True(MilterReply.TryParse(Encoding.Latin1.GetBytes(said), out var reply));
        Assert.Equal(expected, reply.ToString());
        // It can be sent: nothing in it ends a line.
        Assert.Equal(
            reply.Lines.Count, Encoding.ASCII.GetString(reply.Encoded.Span).Split("\r\n").Length - 1);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\0")]
    [InlineData("550 5.7.1 no end")]
    [InlineData("250 2.0.0 fine\0")]
    [InlineData("354 go on\0")]
    [InlineData("650 what\0")]
    [InlineData("560 what\0")]
    [InlineData("55\0")]
    [InlineData("5501 what\0")]
    [InlineData("550-5.7.1 one\r\n450 4.7.1 two\0")]
    [InlineData("no\0")]
    public void WhatIsNoReply_IsNotRead(string said) =>
        Assert.False(MilterReply.TryParse(Encoding.Latin1.GetBytes(said), out _));

    [Fact]
    public void LongReplies_AreCut()
    {
        var line = $"550 5.7.1 {new string('a', 1000)}";
        var said = string.Join("\r\n", Enumerable.Repeat(line, 100)) + '\0';
        Assert.True(MilterReply.TryParse(Encoding.Latin1.GetBytes(said), out var reply));
        Assert.Equal(32, reply.Lines.Count);
        Assert.All(reply.Lines, one => Assert.Equal(480, one.Length));
    }
}
