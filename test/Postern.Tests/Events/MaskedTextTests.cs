using Postern.Mta.Events;

namespace Postern.Tests.Events;

/// <summary>Of an address only how it begins, and its domain.</summary>
public sealed class MaskedTextTests
{
    [Theory]
    [InlineData("kim@example.org", "k***@example.org")]
    [InlineData("k@example.org", "k***@example.org")]
    [InlineData("FROM:<kim.lee+news@example.org> SIZE=9", "FROM:<k***@example.org> SIZE=9")]
    [InlineData("550 <kim@a.example>, <lee@b.example>: no", "550 <k***@a.example>, <l***@b.example>: no")]
    [InlineData("\"kim \\\" lee\"@example.org", "k***@example.org")]
    [InlineData("<\"kim@home\"@example.org>", "<\"k***h***@example.org>")]
    [InlineData("김철수@example.org", "김***@example.org")]
    [InlineData("kim@bücher.example", "k***@bücher.example")]
    [InlineData("kim@[192.0.2.1]", "k***@[192.0.2.1]")]
    [InlineData("'kim@example.org'", "k***@example.org'")]
    [InlineData("?m=kim%40example.org", "m***%40example.org")]
    [InlineData("a=kim=example.org@x.example", "a***@x.example")]
    public void LocalPart_IsMasked(string text, string masked) => Assert.Equal(masked, MaskedText.Of(text));

    [Theory]
    [InlineData("")]
    [InlineData("@")]
    [InlineData("@@ @")]
    [InlineData("at @example.org")]
    [InlineData("250 2.0.0 Ok: queued as 4XyZ")]
    [InlineData("kim@ example.org")]
    public void Text_WithoutAnAddress_StaysAsItIs(string text) => Assert.Same(text, MaskedText.Of(text));
}
