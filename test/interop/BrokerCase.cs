using System.Text;
using System.Text.Json;

namespace Postern.Interop;

/// <summary>What mail must live through on its way into a message broker, whichever it is.</summary>
static class BrokerCase
{
    const string Login = "login";

    public static async Task ArrivesAsync(Broker broker, string settings)
    {
        await using var postern = await StartAsync(broker, settings, "postern:right");
        await SendAsync(postern, 0, 50);
        var got = await AllArriveAsync(postern, broker, 50);
        Assert.Equal(50, got.Count);
        Assert.All(got, message =>
        {
            using var document = JsonDocument.Parse(message.Data);
            Assert.Equal("postern.inbound.v1", document.RootElement.GetProperty("schema").GetString());
            Assert.Equal(document.RootElement.GetProperty("id").GetString(), message.Attributes["ce-id"]);
            Assert.Equal(("box+tag@in.test", "tag", "application/json"),
                (message.Attributes["rcpt"], message.Attributes["rcpt-tag"],
                    message.Attributes["content-type"]));
        });
    }

    public static async Task OutlivesAsync(Broker broker, string settings)
    {
        await using var postern = await StartAsync(broker, settings, "postern:right");
        await SendAsync(postern, 0, 10);
        await AllArriveAsync(postern, broker, 10);
        await broker.StopAsync();
        await SendAsync(postern, 10, 20);
        await Eventually.TrueAsync(
            () => Logged(postern, "\"event\":\"attempted\""), "the outage is seen",
            evidence: () => postern.Said);
        await broker.StartAsync();
        (await postern.CommandAsync("queue", "retry", "ALL")).Succeeded();
        await AllArriveAsync(postern, broker, 30);
        Assert.False(Logged(postern, "\"event\":\"failed\""), postern.Said);
    }

    public static Task LoginMendedAsync(Broker broker, string settings) =>
        MendedAsync(broker, settings, "login", "postern:wrong", () => Task.CompletedTask);

    public static Task TargetMendedAsync(Broker broker, string settings, Func<Task> mend) =>
        MendedAsync(broker, settings, "topic", "postern:right", mend);

    /// <summary>Mail waits under an alarm of that kind until the mend, and then arrives.</summary>
    public static async Task MendedAsync(
        Broker broker, string settings, string alarm, string login, Func<Task> mend)
    {
        await using var postern = await StartAsync(broker, settings, login);
        await SendAsync(postern, 0, 5);
        await postern.AlarmAsync(alarm);
        Assert.False(Logged(postern, "\"event\":\"failed\""), postern.Said);
        await mend();
        postern.Directory.WriteSecret(Login, "postern:right");
        await postern.ReloadAsync(postern.Settings);
        await AllArriveAsync(postern, broker, 5);
        await Eventually.TrueAsync(
            async () => !await postern.HasAlarmAsync(), "the alarm is cleared", evidence: () => postern.Said);
    }

    static async Task<PosternProcess> StartAsync(Broker broker, string settings, string login)
    {
        var postern = new PosternProcess("");
        var secret = postern.Directory.WriteSecret(Login, login);
        postern.Settings = $"""
            [transports.broker]
            {settings}
            {(broker.HasLogins ? $"login = \"file:{secret}\"" : "")}

            [[routes]]
            name = "inbound"
            to = ["*@in.test"]
            accepts = "mx"
            via = ["broker"]
            """;
        await postern.StartAsync();
        return postern;
    }

    static async Task SendAsync(PosternProcess postern, int first, int count)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("mx"), cancel);
        for (var i = first; i < first + count; i++)
        {
            var letter = new Letter("a@sender.test", "box+tag@in.test", Content(i), " BODY=8BITMIME");
            Assert.StartsWith("250", await wire.SendAsync(letter, cancel));
        }
    }

    static byte[] Content(int number) => Encoding.UTF8.GetBytes(
        $"From: <a@sender.test>\r\nSubject: 안녕\r\nMessage-ID: <{number}@sender.test>\r\n\r\nn {number}\r\n");

    /// <summary>Every number up to the count; repeats are allowed and show as more messages.</summary>
    static async Task<IReadOnlyList<PulledMessage>> AllArriveAsync(
        PosternProcess postern, Broker broker, int count)
    {
        IReadOnlyList<PulledMessage> got = [];
        await Eventually.TrueAsync(
            async () =>
            {
                got = await broker.ReadAsync();
                return got.Select(BodyOf).Distinct().Count() == count;
            },
            $"all {count} arrive", 60, () => $"{got.Count} there\n{postern.Said}\n{broker.Said}");
        Assert.True(
            Enumerable.Range(0, count).Select(i => $"n {i}").ToHashSet().SetEquals(got.Select(BodyOf)));
        return got;
    }

    static string BodyOf(PulledMessage message)
    {
        using var document = JsonDocument.Parse(message.Data);
        var raw = document.RootElement.GetProperty("raw").GetProperty("data").GetBytesFromBase64();
        return Encoding.UTF8.GetString(raw).Split("\r\n\r\n", 2)[1].Trim();
    }

    static bool Logged(PosternProcess postern, string word) =>
        File.Exists(postern.LogFile)
        && File.ReadAllText(postern.LogFile).Contains(word, StringComparison.Ordinal);
}
