using System.Text;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Inbound.Filters;

namespace Postern.Tests.Inbound.Filters;

/// <summary>What milters make of a header.</summary>
public sealed class MilterHeaderTests
{
    const string Mail = "X-A: 1\r\nSubject: eins\r\n zwei\r\nX-A: 2\r\nx-a:3\r\n";

    static MilterHeader Read(string text) =>
        MilterHeader.Read(HeaderBlock.Read(Encoding.Latin1.GetBytes(text)), "mx.example");

    static MilterAnswer.AddField Add(string name, string value) => new MilterAnswer.AddField(name, value);

    static MilterAnswer.InsertField Insert(uint index, string name, string value) =>
        new MilterAnswer.InsertField(index, name, value);

    static MilterAnswer.ChangeField Change(uint index, string name, string value) =>
        new MilterAnswer.ChangeField(index, name, value);

    static MilterHeader Apply(MilterHeader header, params MilterAnswer[] changes)
    {
        foreach (var change in changes)
        {
            Assert.True(header.TryApply(change, MilterSteps.None, out var changed));
            header = changed;
        }
        return header;
    }

    /// <summary>What is cut, as text.</summary>
    static string[] CutOf(MilterHeader header) =>
        [.. header.Cuts.Select(range => Mail.Substring((int)range.Start, (int)range.Length))];

    static string[] Names(MilterHeader header) =>
        [.. header.Fields.Select(field => $"{field.Name}:{field.Value}")];

    [Fact]
    public void Fields_AreReadAsTheyStand()
    {
        Assert.Equal(["X-A: 1", "Subject: eins\r\n zwei", "X-A: 2", "x-a:3"], Names(Read(Mail)));
        Assert.Equal("", Read(Mail).Compose());
    }

    [Fact]
    public void FieldsThatClaimToBeOurs_AreNotShown() => Assert.Equal(
        ["Subject: x"],
        Names(Read("Authentication-Results: mx.example; dkim=pass\r\nX-Postern-Verdict: clean\r\n"
            + "Subject: x\r\n")));

    [Fact]
    public void AddedAndInserted_KeepTheirOrder_InFront()
    {
        var header = Apply(
            Read(Mail), Add("X-Last", "a"), Insert(0, "X-First", "b"), Insert(1, "X-Second", "c"),
            Insert(99, "X-End", "d"));
        Assert.Equal("X-First: b\r\nX-Second: c\r\nX-Last: a\r\nX-End: d\r\n", header.Compose());
        Assert.Empty(header.Cuts);
    }

    [Fact]
    public void Deleted_AreCut_AndCountedNoMore()
    {
        var header = Apply(Read(Mail), Change(2, "x-A", ""), Change(2, "X-A", ""));
        Assert.Equal(["X-A: 2\r\n", "x-a:3\r\n"], CutOf(header));
        Assert.Equal(["X-A: 1", "Subject: eins\r\n zwei"], Names(header));
        Assert.Equal("", header.Compose());
    }

    [Fact]
    public void Changed_IsCut_AndStandsInFront()
    {
        var header = Apply(Read(Mail), Change(1, "Subject", "***SPAM*** eins"));
        Assert.Equal(["Subject: eins\r\n zwei\r\n"], CutOf(header));
        Assert.Equal("Subject: ***SPAM*** eins\r\n", header.Compose());
        // The next milter sees it where it was.
        Assert.Equal("Subject: ***SPAM*** eins", Names(header)[1]);
    }

    [Fact]
    public void WhatAMilterAdded_TheNextMayChangeAndDelete()
    {
        var header = Apply(
            Read(Mail), Add("X-B", "1"), Change(1, "X-B", "2"), Insert(0, "X-C", "1"), Change(1, "X-C", ""));
        Assert.Equal("X-B: 2\r\n", header.Compose());
        Assert.Empty(header.Cuts);
    }

    [Theory]
    [InlineData(0u, "x", "X-A: x", "X-A: 1\r\n")]
    [InlineData(4u, "x", "X-A: x", null)]
    [InlineData(4u, "", null, null)]
    [InlineData(uint.MaxValue, "", null, null)]
    public void Index_OutOfRange_IsTheFirstOrANewOne(uint index, string value, string? added, string? cut)
    {
        var header = Apply(Read(Mail), Change(index, "X-A", value));
        Assert.Equal(added is null ? "" : added + "\r\n", header.Compose());
        Assert.Equal(cut is null ? [] : [cut], CutOf(header));
    }

    [Theory]
    [InlineData("a", " a")]
    [InlineData("a\n\tb", " a\r\n\tb")]
    [InlineData("a\r\n b\r\n\tc", " a\r\n b\r\n\tc")]
    [InlineData("a\n", " a")]
    [InlineData("a\r\n\r\nBcc: x", " a?Bcc: x")]
    [InlineData("a\nBcc: x", " a?Bcc: x")]
    [InlineData("a\rb\0c\u001b", " a?b?c?")]
    [InlineData("caf\u00c3\u00a9", " caf??")]
    [InlineData("a\n  \n b", " a\r\n b")]
    public void Value_BeginsNoFieldOfItsOwn(string said, string expected)
    {
        Assert.Equal($"X:{expected}\r\n", Apply(Read(Mail), Add("X", said)).Compose());
    }

    [Fact]
    public void Value_WithBlanksOfItsOwn_GetsNoOther()
    {
        Assert.True(Read(Mail).TryApply(Add("X", "\ta"), MilterSteps.LeadingSpace, out var header));
        Assert.Equal("X:\ta\r\n", header.Compose());
    }

    [Fact]
    public void Lines_AreCutAt998Octets()
    {
        var header = Apply(Read(Mail), Add("X", $"{new string('a', 2000)}\n {new string('b', 2000)}"));
        Assert.All(header.Compose().Split("\r\n")[..2], line => Assert.Equal(998, line.Length));
    }

    [Theory]
    [InlineData("")]
    [InlineData("X Y")]
    [InlineData("X:")]
    [InlineData("X\r\nBcc")]
    [InlineData("X\u00e9")]
    public void Name_ThatNoFieldHas_IsRefused(string name)
    {
        Assert.False(Read(Mail).TryApply(Add(name, "x"), MilterSteps.None, out _));
        Assert.False(Read(Mail).TryApply(Change(1, name, "x"), MilterSteps.None, out _));
    }

    [Fact]
    public void Fields_OfOver64KiB_AreRefused_AndDeletedOnesAreNotCounted()
    {
        var header = Read(Mail);
        var field = Add("X", new string('a', 990));
        for (var i = 0; i < 65; i++)
            header = Apply(header, field);
        Assert.False(header.TryApply(field, MilterSteps.None, out _));
        Assert.True(Apply(header, Change(1, "X", "")).TryApply(field, MilterSteps.None, out _));
        Assert.Equal(65 * (990 + 5), header.Compose().Length);
    }
}
