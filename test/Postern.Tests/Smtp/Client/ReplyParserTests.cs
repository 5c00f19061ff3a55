using System.Buffers;
using System.Text;
using Postern.Smtp;
using Postern.Smtp.Client;

namespace Postern.Tests.Smtp.Client;

public sealed class ReplyParserTests
{
    [Theory]
    [InlineData("250 ok\r\n", 250, null, "ok")]
    [InlineData("250\r\n", 250, null, "")]
    [InlineData("250 \r\n", 250, null, "")]
    [InlineData("250 2.1.5 fine\r\n", 250, "2.1.5", "fine")]
    [InlineData("550 5.1.1\r\n", 550, "5.1.1", "")]
    [InlineData("550 2.1.1 lies\r\n", 550, null, "2.1.1 lies")]
    [InlineData("451-4.3.0 a\r\n451 4.3.0 b\r\n", 451, "4.3.0", "a|b")]
    [InlineData("250-a\r\n250-b c\r\n250 d\r\n", 250, null, "a|b c|d")]
    public void Parse_WellFormedReply_GivesCodeStatusAndLines(
        string octets, int code, string? status, string lines)
    {
        Assert.Equal(ReplyParse.Complete, Parse(octets, out var reply));
        Assert.Equal(code, reply!.Code);
        Assert.Equal(status, reply.Status?.ToString());
        Assert.Equal(lines, string.Join('|', reply.Lines));
    }

    [Theory]
    [InlineData("250-a\r\n550 b\r\n")] // CLI-10
    [InlineData("025 a\r\n")] // CLI-11
    [InlineData("150 a\r\n")] // CLI-11
    [InlineData("650 a\r\n")] // CLI-11
    [InlineData("25x a\r\n")] // CLI-11
    [InlineData("2 50\r\n")] // CLI-11
    [InlineData("-250 a\r\n")] // CLI-11
    [InlineData("\r\n")] // CLI-11
    [InlineData("250x\r\n")]
    [InlineData("25\r\n")]
    [InlineData("HTTP/1.1 400 Bad Request\r\n")]
    [InlineData("HTTP")]
    public void Parse_WhatIsNoReply_IsMalformed(string octets) =>
        Assert.Equal(ReplyParse.Malformed, Parse(octets, out _));

    [Theory]
    [InlineData("")]
    [InlineData("2")]
    [InlineData("250 ok")]
    [InlineData("250 ok\r")]
    [InlineData("250 ok\n250 ok\n")]
    [InlineData("250-ok\r\n")]
    [InlineData("250-ok\r\n25")]
    public void Parse_PartOfAReply_IsIncomplete(string octets) =>
        Assert.Equal(ReplyParse.Incomplete, Parse(octets, out _));

    [Fact] // CLI-09
    public void Parse_LineOverTheBound_IsMalformedBeforeItEnds() =>
        Assert.Equal(ReplyParse.Malformed, Parse("250 " + new string('A', ReplyParser.LineOctetsMax), out _));

    [Fact]
    public void Parse_ManyLines_AreBounded()
    {
        var line = "250-" + new string('a', 20) + "\r\n";
        Assert.Equal(ReplyParse.Malformed, Parse(string.Concat(Enumerable.Repeat(line, 101)), out _));
    }

    [Fact] // CLI-12
    public void Parse_ControlsInText_AreEscapedAndNeverASecondReply()
    {
        var octets = Encoding.Latin1.GetBytes("550 a\r\0\x1b[2J\xe2\x80\xae\n250 x \xff\r\n");
        var buffer = new ReadOnlySequence<byte>(octets);
        Assert.Equal(ReplyParse.Complete, new ReplyParser().TryParse(ref buffer, out var reply));
        Assert.True(buffer.IsEmpty);
        Assert.Equal(550, reply!.Code);
        Assert.Equal(@"a\u000D\u0000\u001B[2J\u202E\u000A250 x \xFF", Assert.Single(reply.Lines));
    }

    [Fact]
    public void Parse_SplitAnywhere_GivesTheSame()
    {
        const string octets = "250-2.0.0 first\r\n250 2.0.0 last\r\n";
        for (var cut = 0; cut < octets.Length; cut++)
        {
            Assert.Equal(ReplyParse.Incomplete, Parse(octets[..cut], out _));
            var first = new Segment(Encoding.ASCII.GetBytes(octets[..cut]));
            var last = first.Append(Encoding.ASCII.GetBytes(octets[cut..]));
            var buffer = new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
            Assert.Equal(ReplyParse.Complete, new ReplyParser().TryParse(ref buffer, out var reply));
            Assert.Equal("250 2.0.0 first last", reply!.ToString());
        }
    }

    [Fact]
    public void Parse_TheSameReplyTwice_IsOneObject()
    {
        var parser = new ReplyParser();
        var buffer = new ReadOnlySequence<byte>("250 2.1.0 Ok\r\n250 2.1.0 Ok\r\n"u8.ToArray());
        parser.TryParse(ref buffer, out var first);
        parser.TryParse(ref buffer, out var second);
        Assert.Same(first, second);
    }

    static ReplyParse Parse(string octets, out Reply? reply)
    {
        var buffer = new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(octets));
        return new ReplyParser().TryParse(ref buffer, out reply);
    }

    sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(byte[] octets) => Memory = octets;

        public Segment Append(byte[] octets)
        {
            var next = new Segment(octets) { RunningIndex = RunningIndex + Memory.Length };
            Next = next;
            return next;
        }
    }
}
