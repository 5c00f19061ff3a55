using System.Text;
using Postern.Mta.Inbound;
using Postern.Tests.Transports;

namespace Postern.Tests.Inbound;

/// <summary>RFC 2047 and RFC 2231 as programs write them; rows are in Latin-1, one character for each
/// octet.</summary>
public sealed class MisspeltHeaderTests
{
    [Theory]
    // A character split between two words.
    [InlineData("=?utf-8?B?7ZWc6ri?= =?utf-8?B?A?=", "한글")]
    [InlineData("=?euc-kr?B?x9Gx?=\r\n =?euc-kr?B?2w==?=", "한글")]
    // Spaces within the word, padding that is missing or too much, a language, small letters.
    [InlineData("=?utf-8?B?7ZWc 6riA?=", "한글")]
    [InlineData("=?utf-8?Q?a b?=", "a b")]
    [InlineData("=?utf-8?B?7ZWc6riAIQ?=", "한글!")]
    [InlineData("=?utf-8*ko?b?7ZWc6riA?=", "한글")]
    [InlineData("=?utf8?q?=ed=95=9c_=?=", "한")]
    // Without a space between words, glued to other text, within quotes.
    [InlineData("=?utf-8?B?7ZWc?==?utf-8?B?6riA?=", "한글")]
    [InlineData("[=?utf-8?B?7ZWc?=] x", "[한] x")]
    [InlineData("\"=?utf-8?B?7ZWc?=\"", "\"한\"")]
    // Labels that are ours to know.
    [InlineData("=?ms949?B?jGM=?=", "똠")]
    [InlineData("=?x-johab?B?0GU=?=", "한")]
    [InlineData("=?gb2312?B?zNg=?=", "特")]
    // Raw octets: UTF-8, Korean, Western.
    [InlineData("\u00ed\u0095\u009c x", "한 x")]
    [InlineData("\u00c7\u00d1\u00b1\u00db", "한글")]
    [InlineData("caf\u00e9 cr\u00e8me", "café crème")]
    // What is no word stays as it is.
    [InlineData("=?utf-8?X?abc?=", "=?utf-8?X?abc?=")]
    [InlineData("=?utf-8?B?", "=?utf-8?B?")]
    public void Subject_Misspelt_IsReadAllTheSame(string value, string expected) => Assert.Equal(
        expected, MailHeader.Read(Encoding.Latin1.GetBytes($"Subject: {value}\r\n\r\n")).TextOf("Subject"));

    [Theory]
    [InlineData("\"=?utf-8?B?7ZWcLCDquIA=?=\" <a@b.c>", "한, 글<a@b.c>")]
    [InlineData("=?utf-8?B?7ZWc?= <a@b.c>, \"x, y\" <d@e.f>", "한<a@b.c> x, y<d@e.f>")]
    [InlineData("\u00c7\u00d1\u00b1\u00db <a@b.c>", "한글<a@b.c>")]
    [InlineData("J\u00f6rg <a@b.c>", "Jörg<a@b.c>")]
    // One that is broken leaves the others.
    [InlineData("\"x, y\" <d@e.f>, a@b@c, g@h.i; j@k.l", "x, y<d@e.f> <g@h.i> <j@k.l>")]
    public void From_Misspelt_ListsWhatCanBeRead(string value, string expected) => Assert.Equal(
        expected, string.Join(' ', MailHeader.Read(Encoding.Latin1.GetBytes($"From: {value}\r\n\r\n"))
            .AddressesOf("From").Select(one => $"{one.Name}<{one.Address}>")));

    [Theory]
    [InlineData("attachment; filename*=utf-8''%ED%95%9C.txt", "한.txt")]
    [InlineData("attachment; filename*0*=utf-8''%ED%95; filename*1*=%9C.txt", "한.txt")]
    [InlineData("attachment; filename*1=b.txt; filename*0=a", "ab.txt")]
    [InlineData("attachment; filename*=euc-kr''%C7%D1.txt", "한.txt")]
    [InlineData("attachment; filename*=%ED%95%9C.txt", "한.txt")]
    [InlineData("attachment; filename*=\"utf-8''%ED%95%9C.txt\"", "한.txt")]
    [InlineData("attachment; filename=\"utf-8''%ED%95%9C.txt\"", "한.txt")]
    [InlineData("attachment; filename=\"=?utf-8?B?7ZWc?=\r\n =?utf-8?B?6riA?=.txt\"", "한글.txt")]
    [InlineData("attachment; filename==?utf-8?B?7ZWc?=", "한")]
    [InlineData("attachment; filename=\"\u00c7\u00d1\u00b1\u00db.txt\"", "한글.txt")]
    [InlineData("attachment; filename=\"\u00ed\u0095\u009c.txt\"", "한.txt")]
    [InlineData("attachment; filename=\"caf\u00e9 cr\u00e8me.txt\"", "café crème.txt")]
    [InlineData("attachment; filename=a b c.txt; x=y", "a b c.txt")]
    [InlineData("attachment; filename=\"a.txt", "a.txt")]
    [InlineData("attachment; filename=\"C:\\\\dir\\\\a.txt\"", "a.txt")]
    [InlineData("attachment; filename=\"a''b%20.txt\"", "a''b%20.txt")]
    [InlineData("attachment", "unnamed")]
    public async Task FileName_Misspelt_IsReadAllTheSame(string disposition, string expected)
    {
        var octets = Encoding.Latin1.GetBytes(
            $"Content-Type: application/pdf\r\nContent-Disposition: {disposition}\r\n\r\nx\r\n");
        await using var mail = await ParsedMail.ReadAsync(
            AttemptOf.Octets(octets, null, "a@b.example").Content, Path.GetTempPath(),
            TestContext.Current.CancellationToken);
        Assert.Equal(expected, Assert.Single(mail.Attachments).Name);
    }
}
