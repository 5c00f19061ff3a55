using System.Text;
using Postern.Smtp;

namespace Postern.Tests.Smtp.Grammar;

public sealed class MailboxTests
{
    [Theory]
    [InlineData("a@b.example", "a", "b.example", "a@b.example")]
    [InlineData("\"known\"@local.example", "known", "local.example", "known@local.example")]
    [InlineData("\"kno\\wn\"@local.example", "known", "local.example", "known@local.example")]
    [InlineData("\"a b\\\"\"@x.example", "a b\"", "x.example", "\"a b\\\"\"@x.example")]
    [InlineData("\"a@b\"@x.example", "a@b", "x.example", "\"a@b\"@x.example")]
    [InlineData("\"a..b\"@x.example", "a..b", "x.example", "\"a..b\"@x.example")]
    [InlineData("user@x.example.", "user", "x.example", "user@x.example")]
    [InlineData("user@_dmarc.x_y.example", "user", "_dmarc.x_y.example", "user@_dmarc.x_y.example")]
    [InlineData("user@[127.0.0.1]", "user", "[127.0.0.1]", "user@[127.0.0.1]")]
    [InlineData("user@[IPv6:::1]", "user", "[IPv6:::1]", "user@[IPv6:::1]")]
    [InlineData("user@[IPv6:2001:db8::25]", "user", "[IPv6:2001:db8::25]", "user@[IPv6:2001:db8::25]")]
    [InlineData("postmaster", "postmaster", "", "postmaster")]
    [InlineData("한글@도메인.example", "한글", "도메인.example", "한글@도메인.example")]
    [InlineData("user%evil.example@local.example", "user%evil.example", "local.example",
        "user%evil.example@local.example")]
    public void TryParse_WellFormed_ReadsTheMeaning(string text, string local, string domain, string written)
    {
        Assert.True(Mailbox.TryParse(text, out var mailbox));
        Assert.Equal((local, domain, written), (mailbox.LocalPart, mailbox.Domain, mailbox.ToString()));
        Assert.True(Mailbox.TryParse(mailbox.ToString(), out var again));
        Assert.Equal(mailbox, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData("@b.example")]
    [InlineData("a@")]
    [InlineData("a@b@c.example")]
    [InlineData("a.@b.example")]
    [InlineData(".a@b.example")]
    [InlineData("a..b@b.example")]
    [InlineData("a b@b.example")]
    [InlineData("known(comment)@b.example")]
    [InlineData("<known@b.example")]
    [InlineData("a@b..example")]
    [InlineData("a@-b.example")]
    [InlineData("a@b.example..")]
    [InlineData("a@도메인.example..")]
    [InlineData("a@[1.2.3]")]
    [InlineData("a@[1.2.3.256]")]
    [InlineData("a@[01.2.3.4]")]
    [InlineData("a@[999.1.1.1]")]
    [InlineData("a@[IPv6:fe80::1%eth0]")]
    [InlineData("a@[IPv6:1.2.3.4]")]
    [InlineData("a@[x:y]")]
    [InlineData("\"\"@b.example")]
    [InlineData("\"a\"b@b.example")]
    [InlineData("\"a@b.example")]
    [InlineData("a\r@b.example")]
    [InlineData("a\n@b.example")]
    [InlineData("\"a\\\r\"@b.example")]
    [InlineData("a\0@b.example")]
    [InlineData("a\u0085@b.example")]
    [InlineData("a\u2028@b.example")]
    [InlineData("a\u202e@b.example")]
    [InlineData("known\uff20local.example")]
    [InlineData("a@b\u3002example")]
    [InlineData("a@\u2100.example")]
    public void TryParse_Malformed_Refuses(string text) => Assert.False(Mailbox.TryParse(text, out _));

    [Fact]
    public void TryParse_InvalidUtf8_Refuses() =>
        Assert.False(Mailbox.TryParse([(byte)'a', 0xFF, (byte)'@', (byte)'b'], out _));

    [Theory]
    [InlineData(64, true)]
    [InlineData(65, false)]
    public void TryParse_LocalPartOfOctets_IsLimited(int octets, bool accepted) =>
        Assert.Equal(accepted, Mailbox.TryParse(new string('a', octets) + "@b.example", out _));

    [Theory]
    [InlineData(255, true)]
    [InlineData(256, false)]
    public void TryParse_DomainOfOctets_IsLimited(int octets, bool accepted)
    {
        var label = new string('a', 50) + ".";
        var domain = string.Concat(Enumerable.Repeat(label, 5));
        Assert.Equal(accepted, Mailbox.TryParse("a@" + (domain + new string('b', 60))[..octets], out _));
    }

    [Theory]
    [InlineData("Local.Example.", "local.example")]
    [InlineData("도메인.example", "xn--hq1bm8jm9l.example")]
    [InlineData("\uff25xample.com", "example.com")]
    [InlineData("BÜCHER.example", "xn--bcher-kva.example")]
    [InlineData("a\u2100b.example", null)]
    [InlineData("", null)]
    public void ToALabel_Domain_HasOneFormForComparison(string domain, string? form) =>
        Assert.Equal(form, DomainName.ToALabel(domain));

    [Theory]
    [InlineData("<>", null, "")]
    [InlineData("<a@b.example> SIZE=1", "a@b.example", " SIZE=1")]
    [InlineData("<@x.example,@[1.2.3.4]:a@b.example>", "a@b.example", "")]
    [InlineData("<\"a>b\"@c.example>x", "\"a>b\"@c.example", "x")]
    [InlineData("<Postmaster>", "Postmaster", "")]
    public void Path_InBrackets_IsRead(string text, string? mailbox, string after)
    {
        Assert.True(EnvelopePath.TryRead(Encoding.UTF8.GetBytes(text), out var read, out var rest));
        Assert.Equal((mailbox, after), (read?.ToString(), Encoding.UTF8.GetString(rest)));
    }

    [Theory]
    [InlineData("a@b.example")]
    [InlineData("<a@b.example")]
    [InlineData("<@x.example>")]
    [InlineData("<@x.example:>")]
    [InlineData("<<a@b.example>")]
    [InlineData("<a@b.example@>")]
    [InlineData("< >")]
    public void Path_Malformed_IsRefused(string text) =>
        Assert.False(EnvelopePath.TryRead(Encoding.UTF8.GetBytes(text), out _, out _));
}
