using System.Text.Json.Nodes;
using Postern.Mta.Intake;
using Postern.Mta.Queue;

namespace Postern.Tests.Intake;

/// <summary>X-Mailgun-* fields mean what they mean at Mailgun, and what cannot be understood is
/// refused.</summary>
public sealed class MailgunFieldsTests
{
    static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    static MailOptions? Read(
        out string? refusal, MailOptions? given, params (string Name, string Body)[] fields)
    {
        var options = MailgunFields.Read(
            [.. fields.Select(field => new OptionField("X-Mailgun-" + field.Name, field.Body, default))],
            given, "example.org", Now, out var reply);
        refusal = reply?.ToString();
        return options;
    }

    [Fact]
    public void Fields_BecomeOptions()
    {
        var options = Read(
            out var refusal, null, ("Tag", "welcome"), ("tag", "spring"), ("TAG", "Welcome"),
            ("Variables", """{"order":17,"name":"한국"}"""), ("Variables", """{"more":{"x":1}}"""),
            ("Drop-Message", "Yes"), ("Deliver-By", "Fri, 02 Jan 2026 05:00:00 +0000"))!;
        Assert.Null(refusal);
        Assert.Equal("example.org", options.Domain);
        Assert.Equal(["welcome", "spring"], options.Tags);
        var variables = JsonNode.Parse(options.Variables!)!;
        Assert.Equal(["17", "한국", "{\"x\":1}"], ((string[])["order", "name", "more"])
            .Select(name => variables[name]!.GetValue<string>()));
        Assert.True(options.IsTest);
        Assert.Equal(new DateTimeOffset(2026, 1, 2, 5, 0, 0, TimeSpan.Zero), options.DeliverAt);
    }

    [Fact]
    public void Fields_AddToWhatWasGiven()
    {
        var given = new MailOptions
        {
            Domain = "mg.example.org",
            Tags = ["one"],
            Variables = """{"a":"%recipient.x%","b":"2"}""",
            DeliverAt = Now.AddHours(1),
        };
        var options = Read(
            out _, given, ("Tag", "two"), ("Variables", """{"a":"filled"}"""),
            ("Deliver-By", "Fri, 02 Jan 2026 09:00:00 +0000"))!;
        Assert.Equal("mg.example.org", options.Domain);
        Assert.Equal(["one", "two"], options.Tags);
        Assert.Equal("""{"a":"filled","b":"2"}""", options.Variables);
        Assert.Equal(Now.AddHours(1), options.DeliverAt);
    }

    [Fact]
    public void Fields_AboutTheWay_AreRead()
    {
        var options = Read(out var refusal, null, ("Require-TLS", "yes"), ("Deliver-Within", "2h"))!;
        Assert.Null(refusal);
        Assert.Equal((true, TimeSpan.FromHours(2)), (options.RequiresTls, options.DeliverWithin));
        var hour = TimeSpan.FromHours(1);
        var given = new MailOptions { Domain = "x", RequiresTls = true, DeliverWithin = hour };
        options = Read(out _, given, ("Require-TLS", "no"), ("Deliver-Within", "2h"))!;
        Assert.Equal((true, hour), (options.RequiresTls, options.DeliverWithin));
        Read(out refusal, null, ("Deliver-Within", "2 days"));
        Assert.StartsWith("550 5.6.0 X-Mailgun-Deliver-Within rejected", refusal);
    }

    [Fact]
    public void Nothing_StaysNothing() => Assert.Null(Read(out _, null));

    [Theory]
    [InlineData("Tag", "")]
    [InlineData("Tag", "한국")]
    [InlineData("Variables", "[]")]
    [InlineData("Variables", "{")]
    [InlineData("Variables", "{\"a\":\"\\ud800\"}")]
    [InlineData("Deliver-By", "tomorrow")]
    [InlineData("Deliver-By", "Fri, 02 Jan 2099 09:00:00 +0000")]
    public void Field_ThatCannotBeUnderstood_IsRefusedByName(string name, string body)
    {
        Read(out var refusal, null, (name, body));
        Assert.StartsWith($"550 5.6.0 X-Mailgun-{name} rejected: ", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void Tags_OverTheLimit_AreRefused()
    {
        Read(out var refusal, null,
            [.. Enumerable.Range(0, 11).Select(i => ("Tag", $"t{i}"))]);
        Assert.Contains("10 tags", refusal, StringComparison.Ordinal);
    }
}
