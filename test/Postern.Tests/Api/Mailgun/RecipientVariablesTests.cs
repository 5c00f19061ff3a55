using Postern.Api.Mailgun;

namespace Postern.Tests.Api.Mailgun;

public sealed class RecipientVariablesTests
{
    static readonly ApiAddress Bob = Assert.Single(ApiAddress.ParseList("Bob Q Smith <bob@x.example>")!);

    static readonly RecipientVariables Variables = RecipientVariables.Parse(
        """{"Bob@X.example":{"code":42,"v:order":"17","again":"%recipient.code%"},"c@x.example":{"code":1}}"""
            );

    [Theory]
    [InlineData("no mark", "no mark")]
    [InlineData("%recipient.code%", "42")]
    [InlineData("a%recipient.v:order%b%recipient.code%c", "a17b42c")]
    [InlineData("%recipient.other%", "%recipient.other%")]
    [InlineData("100% %recipient.code%", "100% 42")]
    [InlineData("%recipient.a %recipient.code%", "%recipient.a 42")]
    [InlineData("%recipient%", "Bob Q Smith <bob@x.example>")]
    [InlineData("%recipient_email% %recipient_name% %recipient_fname% %recipient_lname%",
        "bob@x.example Bob Q Smith Bob Smith")]
    [InlineData("%recipient.code", "%recipient.code")]
    public void Text_IsFilledForOneRecipient(string text, string expected) =>
        Assert.Equal(expected, Variables.Fill(text, Bob));

    [Fact]
    public void Value_IsNotFilledAgain() =>
        Assert.Equal("%recipient.code%", Variables.Fill("%recipient.again%", Bob));

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("""{"a@x.example":1}""")]
    [InlineData("{")]
    public void Json_ThatIsNone_Is400(string json) =>
        Assert.Equal(400, Assert.Throws<ApiException>(() => RecipientVariables.Parse(json)).Status);

    [Fact]
    public void Json_TooDeep_Is400()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 1000)) + "1" + new string('}', 1000);
        Assert.Equal(400, Assert.Throws<ApiException>(() => RecipientVariables.Parse(deep)).Status);
    }
}
