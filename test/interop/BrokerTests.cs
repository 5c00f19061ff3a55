using System.Text;
using System.Text.Json;

namespace Postern.Interop;

/// <summary>Mail from outside ends in a message broker, whatever becomes of the broker meanwhile.</summary>
public sealed class BrokerTests
{
    const string Login = "login";

    [Fact]
    public async Task Redis_GetsEveryMessageWithItsAttributes()
    {
        await using var redis = await RedisPeer.StartNewAsync();
        await redis.CreateStreamAsync("mail");
        await ArrivesAsync(redis, Redis(redis, "mail"));
    }

    [Fact]
    public async Task Redis_StoppedWhileMailComes_GetsItAllAfterwards()
    {
        await using var redis = await RedisPeer.StartNewAsync();
        await redis.CreateStreamAsync("mail");
        await OutlivesAsync(redis, Redis(redis, "mail"));
    }

    [Fact]
    public async Task Redis_WithAWrongLogin_RaisesAnAlarmAndLosesNothing()
    {
        await using var redis = await RedisPeer.StartNewAsync();
        await redis.CreateStreamAsync("mail");
        await MendedAsync(redis, Redis(redis, "mail"), Login, "postern:wrong", () => Task.CompletedTask);
    }

    [Fact]
    public async Task Redis_WithoutTheStream_RaisesAnAlarmAndLosesNothing()
    {
        await using var redis = await RedisPeer.StartNewAsync();
        await MendedAsync(
            redis, Redis(redis, "mail"), "topic", "postern:right", () => redis.CreateStreamAsync("mail"));
    }

    static string Redis(RedisPeer redis, string stream) => $"""
        kind = "redis"
        servers = ["127.0.0.1:{redis.Port}"]
        stream = "{stream}"
        """;

    static async Task ArrivesAsync(Broker broker, string settings)
    {
        await using var postern = await StartAsync(settings, "postern:right");
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

    static async Task OutlivesAsync(Broker broker, string settings)
    {
        await using var postern = await StartAsync(settings, "postern:right");
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

    /// <summary>Mail waits under an alarm of that kind until the mend, and then arrives.</summary>
    static async Task MendedAsync(
        Broker broker, string settings, string alarm, string login, Func<Task> mend)
    {
        await using var postern = await StartAsync(settings, login);
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

    static async Task<PosternProcess> StartAsync(string settings, string login)
    {
        var postern = new PosternProcess("");
        var secret = postern.Directory.WriteSecret(Login, login);
        postern.Settings = $"""
            [transports.broker]
            {settings}
            login = "file:{secret}"

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
