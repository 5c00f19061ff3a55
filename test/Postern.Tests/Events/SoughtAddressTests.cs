using System.Text;
using Postern.Mta.Events;
using Postern.Tests.Doubles;

namespace Postern.Tests.Events;

/// <summary>Where an address stands, and where another one does.</summary>
public sealed class SoughtAddressTests
{
    static readonly byte[] key = Encoding.ASCII.GetBytes("a key of this store, and no other");

    static SoughtAddress Sought(string address) => SoughtAddress.Of(MailHall.Mailbox(address), key);

    /// <summary>With <c>@</c> for the pseudonym.</summary>
    static string Replaced(string address, string text)
    {
        var sought = Sought(address);
        var name = sought.Pseudonym.Split('@')[0];
        return sought.Replace(text).Replace(sought.Pseudonym, "[@]", StringComparison.Ordinal)
            .Replace(name, "[name]", StringComparison.Ordinal)
            .Replace(SoughtAddress.PseudonymDomain, "[domain]", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kim@example.org", "[@]")]
    [InlineData("KIM@Example.ORG", "[@]")]
    [InlineData("550 <kim@example.org>: no such user", "550 <[@]>: no such user")]
    [InlineData("write to kim@example.org.", "write to [@].")]
    [InlineData("rfc822;kim@example.org, kim@example.org", "rfc822;[@], [@]")]
    [InlineData("to=kim@example.org", "to=[@]")]
    [InlineData("https://x.example/?m=kim%40example.org&a", "https://x.example/?m=[name]%40[domain]&a")]
    [InlineData("mail=%3Ckim@example.org%3E", "mail=%3C[@]%3E")]
    [InlineData("bounces-kim=example.org@x.example", "bounces-kim=example.org@x.example")]
    [InlineData("SRS0=kim=example.org@x.example", "SRS0=[name]=[domain]@x.example")]
    public void Address_IsFoundWhereverItStands(string text, string replaced) =>
        Assert.Equal(replaced, Replaced("kim@example.org", text));

    [Theory]
    [InlineData("jokim@example.org")]
    [InlineData("jo.kim@example.org")]
    [InlineData("kim+news@example.org")]
    [InlineData("news+kim@example.org")]
    [InlineData("kim@example.org.kr")]
    [InlineData("kim@example.organic")]
    [InlineData("kim@mail.example.org")]
    [InlineData("kim%2Bnews%40example.org")]
    [InlineData("kim at example.org")]
    public void AnotherAddress_StaysAsItIs(string text)
    {
        Assert.Same(text, Sought("kim@example.org").Replace(text));
        Assert.False(Sought("kim@example.org").Is(text));
    }

    [Theory]
    [InlineData("kim@bücher.example", "kim@xn--bcher-kva.example")]
    [InlineData("kim@xn--bcher-kva.example", "kim@BÜCHER.example")]
    [InlineData("김@example.org", "김@example.org")]
    [InlineData("김@example.org", "%EA%B9%80%40example.org")]
    [InlineData("kim+news@example.org", "kim%2Bnews%40example.org")]
    [InlineData("\"kim lee\"@example.org", "\"Kim Lee\"@example.org")]
    public void Address_InAnotherSpelling_IsTheSame(string address, string text) =>
        Assert.DoesNotContain("example", Replaced(address, text), StringComparison.Ordinal);

    [Fact]
    public void Pseudonym_IsTheSameForEverySpelling_AndOfOneStore()
    {
        var one = Sought("kim@bücher.example").Pseudonym;
        Assert.Matches("^anon-[0-9a-f]{12}@anonymised\\.invalid$", one);
        Assert.Equal(one, Sought("KIM@xn--bcher-kva.example").Pseudonym);
        Assert.NotEqual(one, Sought("kim+x@bücher.example").Pseudonym);
        Assert.NotEqual(
            one, SoughtAddress.Of(MailHall.Mailbox("kim@bücher.example"), new byte[32]).Pseudonym);
    }

    [Theory]
    [InlineData("""{"a":"kim@example.org","n":[1.50,true,null]}""", """{"a":"x","n":[1.50,true,null]}""")]
    [InlineData("""{"a":"\u003ckim@example.org\u003e"}""", """{"a":"<x>"}""")]
    [InlineData("""{"kim@example.org":"{\"b\":\"kim@example.org\"}"}""", """{"x":"{\"b\":\"x\"}"}""")]
    public void Json_IsReadBeforeItIsLookedThrough(string json, string rewritten) => Assert.Equal(
        rewritten,
        EventTexts.RewriteJson(json, Sought("kim@example.org").Replace)
            .Replace(Sought("kim@example.org").Pseudonym, "x", StringComparison.Ordinal));

    [Theory]
    [InlineData("""{ "a" : "lee@example.org" }""")]
    [InlineData("no JSON")]
    [InlineData("""{"a":"\ud800"}""")]
    public void Json_WithoutTheAddress_StaysAsItIs(string json) =>
        Assert.Same(json, EventTexts.RewriteJson(json, Sought("kim@example.org").Replace));
}
