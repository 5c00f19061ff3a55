using Postern.Api.Mailgun;

namespace Postern.Tests.Api.Mailgun;

public sealed class ApiAddressTests
{
    [Theory]
    [InlineData("a@x.example", "a@x.example")]
    [InlineData(" <a@x.example>", "a@x.example")]
    [InlineData("a@x.example, b@y.example", "a@x.example|b@y.example")]
    [InlineData("b@x.example,C, D <c@x.example>", "b@x.example|C, D=c@x.example")]
    [InlineData("\"Ann, B\" <a@x.example>,", "Ann, B=a@x.example")]
    [InlineData("\"Ann \\\"B\\\"\" <a@x.example>", "Ann \"B\"=a@x.example")]
    [InlineData("'Ann B' <a@x.example>", "Ann B=a@x.example")]
    [InlineData("안녕 <a@x.example>", "안녕=a@x.example")]
    [InlineData("=?utf-8?b?7JWI64WV?= <a@x.example>", "안녕=a@x.example")]
    public void List_AsClientsWriteIt_IsRead(string text, string expected)
    {
        var found = ApiAddress.ParseList(text);
        Assert.NotNull(found);
        Assert.Equal(expected, string.Join('|', found.Select(
            one => one.Name.Length == 0 ? one.Mailbox.ToString() : $"{one.Name}={one.Mailbox}")));
    }

    [Theory]
    [InlineData("nobody")]
    [InlineData("a@x.example, nobody")]
    [InlineData("a@")]
    [InlineData("<a@x.example> b")]
    [InlineData("a@x.example b@y.example")]
    public void List_WithSomethingElse_IsNone(string text) => Assert.Null(ApiAddress.ParseList(text));
}
