using CsCheck;
using Postern.Mta.Routing;
using Postern.Smtp;

namespace Postern.Tests.Routing;

public sealed class AddressPatternTests
{
    static Mailbox? MailboxOf(string text)
    {
        if (text == "<>")
            return null;
        Assert.True(Mailbox.TryParse(text, out var mailbox));
        return mailbox;
    }

    [Theory]
    [InlineData("user@example.org", "USER@Example.ORG", true)]
    [InlineData("user@example.org", "user+tag@example.org", true)]
    [InlineData("user+tag@example.org", "user+tag@example.org", true)]
    [InlineData("user+tag@example.org", "user@example.org", false)]
    [InlineData("user@example.org", "+tag@example.org", false)]
    [InlineData("user@example.org", "users@example.org", false)]
    [InlineData("user@example.org", "user@sub.example.org", false)]
    [InlineData("*@example.org", "anybody@example.org", true)]
    [InlineData("*@example.org", "anybody@notexample.org", false)]
    [InlineData("*@*.example.org", "a@b.example.org", true)]
    [InlineData("*@*.example.org", "a@b.c.example.org", true)]
    [InlineData("*@*.example.org", "a@example.org", false)]
    [InlineData("*@*.example.org", "a@badexample.org", false)]
    [InlineData("no-*@example.org", "no-reply@example.org", true)]
    [InlineData("no-*-x@example.org", "no-a-b-x@example.org", true)]
    [InlineData("no-*-x@example.org", "no-x@example.org", false)]
    [InlineData("*@*", "a@b", true)]
    [InlineData("*@*", "<>", false)]
    [InlineData("*", "<>", true)]
    [InlineData("*", "a@b", true)]
    [InlineData("<>", "<>", true)]
    [InlineData("<>", "a@b", false)]
    [InlineData("*@bücher.example", "a@xn--bcher-kva.example", true)]
    [InlineData("*@xn--bcher-kva.example", "a@BÜCHER.example", true)]
    [InlineData("*@[192.0.2.1]", "a@[192.0.2.1]", true)]
    [InlineData("\"*\"@example.org", "a@example.org", false)]
    [InlineData("\"*\"@example.org", "\"*\"@example.org", true)]
    public void Pattern_Matches(string pattern, string address, bool matches) =>
        Assert.Equal(matches, AddressPattern.Parse(pattern).Matches(MailboxOf(address), "+"));

    [Theory]
    [InlineData("example.org")]
    [InlineData("@example.org")]
    [InlineData("user@")]
    [InlineData("user@a..b")]
    [InlineData("*@mail*.example.org")]
    [InlineData("*@*.*")]
    [InlineData("*@*.")]
    [InlineData("a b@example.org")]
    [InlineData("a@b@example.org")]
    [InlineData("<a@example.org>")]
    [InlineData("a@example.org,b@example.org")]
    [InlineData("")]
    public void Pattern_Malformed_IsRefusedWithAMend(string text)
    {
        Assert.False(AddressPattern.TryParse(text, out _, out var mend));
        Assert.NotEmpty(mend!);
    }

    [Theory]
    [InlineData("user@example.org", "EXAMPLE.org", true)]
    [InlineData("*@*.example.org", "a.example.org", true)]
    [InlineData("*@*.example.org", "example.org", false)]
    [InlineData("*@*.example.org", ".example.org", false)]
    [InlineData("*@*", "anything", true)]
    [InlineData("*", "anything", true)]
    [InlineData("<>", "example.org", false)]
    public void ServesDomain_AsksForSomeAddressOfIt(string pattern, string domain, bool serves) =>
        Assert.Equal(serves, AddressPattern.Parse(pattern).ServesDomain(domain));

    [Fact]
    public void Delimiter_Empty_KnowsNoExtension() =>
        Assert.False(AddressPattern.Parse("user@example.org").Matches(MailboxOf("user+tag@example.org"), ""));

    static readonly Gen<string> word = Gen.Char["abAB-"].Array[1, 6].Select(c => "x" + new string(c) + "x");

    [Fact]
    public void Address_AsItsOwnPattern_MatchesItself() => Gen.Select(word, word).Sample((local, domain) =>
        AddressPattern.Parse($"{local}@{domain}")
            .Matches(MailboxOf($"{local.ToUpperInvariant()}@{domain}"), "+"));

    [Fact]
    public void Runs_OfStars_MatchWhatARegularExpressionMatches()
    {
        var pattern = Gen.Char["ab*"].Array[1, 8].Select(c => new string(c));
        var name = Gen.Char["ab"].Array[1, 10].Select(c => new string(c));
        Gen.Select(pattern, name).Sample((p, n) =>
            AddressPattern.Parse($"{p}@d").Matches(MailboxOf($"{n}@d"), "")
            == System.Text.RegularExpressions.Regex.IsMatch(
                n, $"^{p.Replace("*", ".*", StringComparison.Ordinal)}$"));
    }

    [Fact]
    public void Match_ImpliesItsDomainIsServed()
    {
        string[] domains = ["a.b", "b", "x.a.b", "*", "*.b", "*.a.b"];
        string[] addresses = ["u@b", "u@a.b", "u@x.a.b", "u@c"];
        var domain = Gen.Int[0, domains.Length - 1].Select(i => domains[i]);
        var address = Gen.Int[0, addresses.Length - 1].Select(i => addresses[i]);
        Gen.Select(domain, address).Sample((d, a) =>
        {
            var pattern = AddressPattern.Parse($"*@{d}");
            var mailbox = MailboxOf(a)!;
            return pattern.Matches(mailbox, "+") == pattern.ServesDomain(mailbox.Domain);
        });
    }
}
