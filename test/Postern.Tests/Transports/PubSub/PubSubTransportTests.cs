using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Grpc.Core;
using Postern.Mta;
using Postern.Mta.Inbound;
using Postern.Mta.Transports;
using Postern.Mta.Transports.Claims;
using Postern.Mta.Transports.PubSub;
using Postern.Tests.Doubles;
using Postern.Tests.Inbound;

namespace Postern.Tests.Transports.PubSub;

public sealed class PubSubTransportTests : IDisposable
{
    const string Mail =
        "From: =?utf-8?B?6rmA6rCc67Cc?= <dev@from.example>\r\nTo: a@b.example, G: c@b.example;\r\n"
        + "Subject: =?utf-8?B?67Cw7Y+s?=\r\n =?utf-8?B?IOyZhOujjA==?=\r\n"
        + "Date: Mon, 05 Jan 2026 09:00:00 +0900\r\n"
        + "Message-ID: <id@from.example>\r\nReferences: <r1@x> <r2@x>\r\nAuto-Submitted: no\r\n\r\nbody\r\n";

    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("pubsub");

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task Json_Document_HoldsEnvelopeHeaderAndOctets()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(fake, new TransportOptions());
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, "sales+eu@b.example"), Cancel);
        var relayed = Assert.IsType<AttemptResult.Relayed>(Assert.Single(report.Results));
        var published = fake.Published[relayed.RemoteId!];
        using var document = JsonDocument.Parse(published.Data.Memory);
        var root = document.RootElement;
        Assert.Equal("postern.inbound.v1", root.GetProperty("schema").GetString());
        Assert.Equal("000000000YGJ0.1", root.GetProperty("id").GetString());
        Assert.Equal("2026-11-24T02:34:46.890Z", root.GetProperty("received_at").GetString());
        var envelope = root.GetProperty("envelope");
        Assert.Equal(AttemptOf.Sender, envelope.GetProperty("mail_from").GetString());
        Assert.Equal("8BITMIME", envelope.GetProperty("mail_from_params").GetProperty("BODY").GetString());
        Assert.Equal(
            """[{"address":"sales+eu@b.example","local":"sales","tag":"eu","domain":"b.example","""
            + "\"original\":null,\"orcpt\":null}]",
            envelope.GetProperty("rcpt_to").GetRawText());
        Assert.Equal(
            """{"version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384"}""",
            root.GetProperty("client").GetProperty("tls").GetRawText());
        var message = root.GetProperty("message");
        Assert.Equal("배포 완료", message.GetProperty("subject").GetString());
        Assert.Equal(
            """[{"name":"김개발","address":"dev@from.example"}]""", message.GetProperty("from").GetRawText());
        Assert.Equal(2, message.GetProperty("to").GetArrayLength());
        Assert.Equal("2026-01-05T00:00:00Z", message.GetProperty("date").GetString());
        Assert.Equal("<id@from.example>", message.GetProperty("message_id").GetString());
        Assert.Equal("""["<r1@x>","<r2@x>"]""", message.GetProperty("references").GetRawText());
        Assert.Equal(7, message.GetProperty("headers").GetArrayLength());
        Assert.Equal(0, message.GetProperty("defects").GetArrayLength());
        Assert.Equal(Mail,
            Encoding.UTF8.GetString(root.GetProperty("raw").GetProperty("data").GetBytesFromBase64()));
        Assert.Equal(Sha(Mail), message.GetProperty("sha256").GetString());
        Assert.False(root.TryGetProperty("auth", out _), "no verdict was reached, so none is told");
    }

    [Fact]
    public async Task Json_Attributes_AreCloudEventsInBinaryMode()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(fake, new TransportOptions());
        await transport.AttemptAsync(AttemptOf.Text(Mail, "sales+eu@b.example"), Cancel);
        var attributes = fake.Published.Values.Single().Attributes;
        Assert.Equal("1.0", attributes["ce-specversion"]);
        Assert.Equal("000000000YGJ0.1", attributes["ce-id"]);
        Assert.Equal("org.postern.mail.received.v1", attributes["ce-type"]);
        Assert.Equal("//postern/mx.b.example/mx", attributes["ce-source"]);
        Assert.Equal("inbound", attributes["ce-subject"]);
        Assert.Equal("application/json", attributes["content-type"]);
        Assert.Equal("b.example", attributes["rcpt-domain"]);
        Assert.Equal("eu", attributes["rcpt-tag"]);
        Assert.Equal("from.example", attributes["from-domain"]);
        Assert.Equal("no", attributes["auto-submitted"]);
        Assert.Equal("inline", attributes["raw-mode"]);
    }

    [Fact]
    public async Task Json_Attributes_OfACheckedMessage_AreThoseThatFiltersNeed()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(fake, new TransportOptions());
        var attempt = AttemptOf.Text(Mail, "sales+eu@b.example");
        attempt = attempt with { Message = attempt.Message with { Checks = SampleChecks.Full } };
        await transport.AttemptAsync(attempt, Cancel);
        var attributes = fake.Published.Values.Single().Attributes;
        Assert.Equal(
            "auto-submitted ce-datacontenttype ce-id ce-source ce-specversion ce-subject ce-time ce-type "
            + "content-type dkim dmarc dmarc-policy from-domain has-attachments mail-from-domain raw-mode "
            + "rcpt rcpt-domain rcpt-tag sha256 size spam spf tls virus",
            string.Join(' ', attributes.Keys.Order(StringComparer.Ordinal)));
        Assert.Equal(("softfail", "pass", "pass", "reject", "ham", "clean", "false"),
            (attributes["spf"], attributes["dkim"], attributes["dmarc"], attributes["dmarc-policy"],
                attributes["spam"], attributes["virus"], attributes["has-attachments"]));
    }

    [Fact]
    public async Task Json_Bodies_AreToldWhereAskedFor()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var plain = Transport(fake, new TransportOptions());
        await plain.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
        await using var full = Transport(fake, new TransportOptions { Parse = InboundParse.Bodies });
        await full.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
        var texts = fake.Published.OrderBy(pair => int.Parse(pair.Key, null)).Select(pair =>
        {
            using var document = JsonDocument.Parse(pair.Value.Data.Memory);
            return document.RootElement.GetProperty("message").GetProperty("text").GetString();
        });
        Assert.Equal([null, "body\r\n"], texts);
    }

    [Fact]
    public async Task Raw_Data_IsTheOctetsUnchanged()
    {
        var octets = Encoding.Latin1.GetBytes("Subject: \xb9\xe8\xff\r\n\r\n\x80\x81 no end");
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(fake, new TransportOptions { Format = PubSubFormat.Raw });
        await transport.AttemptAsync(AttemptOf.Octets(octets, null, "a@b.example"), Cancel);
        var published = fake.Published.Values.Single();
        Assert.Equal(octets, published.Data.ToByteArray());
        Assert.Equal("message/rfc822", published.Attributes["content-type"]);
        Assert.Equal("<>", published.Attributes["mail-from"]);
        Assert.Equal("192.0.2.7", published.Attributes["client-ip"]);
    }

    [Fact]
    public async Task Attempt_ManyRecipients_OneMessageEachInTheirOrder()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(fake, new TransportOptions());
        var recipients = Enumerable.Range(1, 30).Select(i => $"u{i}@b.example").ToArray();
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, recipients), Cancel);
        Assert.Equal(recipients, report.Results.Select(result =>
            fake.Published[Assert.IsType<AttemptResult.Relayed>(result).RemoteId!].Attributes["rcpt"]));
        Assert.Equal(30,
            fake.Published.Values.Select(message => message.Attributes["ce-id"]).Distinct().Count());
    }

    [Fact]
    public async Task Ordering_GivesEachRecipientItsKey_AndARequestOfItsOwn()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(
            fake, new TransportOptions { Ordering = TransportOrdering.Recipient });
        await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example", "c@b.example"), Cancel);
        await transport.AttemptAsync(AttemptOf.Text(Mail, "A@B.example"), Cancel);
        Assert.Equal(3, fake.Requests.Count);
        Assert.Equal(
            new Dictionary<string, int> { [Sha("a@b.example")[..16]] = 2, [Sha("c@b.example")[..16]] = 1 },
            fake.Requests.CountBy(request => Assert.Single(request.Messages).OrderingKey).ToDictionary());
    }

    [Fact]
    public async Task Attempt_AfterALostAnswer_RepeatsWithTheSameId()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(fake, new TransportOptions());
        fake.LoseAnswer = () => throw FakePubSub.Error(StatusCode.Unavailable, "lost");
        var first = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
        var down = Assert.IsType<AttemptResult.NextHopDown>(first.Results[0]);
        Assert.Equal((NextHopTrouble.Unreachable, null), (down.Trouble, down.Alarm));
        fake.LoseAnswer = static () => { };
        await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
        Assert.Equal(["000000000YGJ0.1", "000000000YGJ0.1"],
            fake.Published.Values.Select(m => m.Attributes["ce-id"]));
    }

    [Theory]
    [InlineData(StatusCode.NotFound)]
    [InlineData(StatusCode.PermissionDenied)]
    [InlineData(StatusCode.Unauthenticated)]
    [InlineData(StatusCode.FailedPrecondition)]
    public async Task Attempt_OperatorsCase_HoldsTheMailUnderAnAlarm(StatusCode code)
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(fake, new TransportOptions());
        fake.Fault = (_, _) => throw FakePubSub.Error(code, "so it is");
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
        var down = Assert.IsType<AttemptResult.NextHopDown>(report.Results[0]);
        Assert.Equal(NextHopTrouble.Refusing, down.Trouble);
        Assert.Equal("topic", down.Alarm?.Kind);
        Assert.Contains("so it is", down.Text, StringComparison.Ordinal);
        var turn = Assert.Single(report.Talk!(0)!.Turns);
        Assert.Equal(($"Publish to {FakePubSub.Topic}", $"{code}: so it is"), (turn.Said, turn.Answer));
    }

    [Fact]
    public async Task Attempt_ServiceNamesADelay_PassesItOn()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(fake, new TransportOptions());
        fake.Fault = (_, _) =>
            throw FakePubSub.Error(StatusCode.Unavailable, "busy", TimeSpan.FromSeconds(9));
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
        Assert.Equal(TimeSpan.FromSeconds(9),
            Assert.IsType<AttemptResult.NextHopDown>(report.Results[0]).RetryAfter);
    }

    [Fact]
    public async Task Attempt_MessageIsRefusedAlone_Fails()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(fake, new TransportOptions());
        fake.Fault = (request, _) =>
            request.Messages.Any(message => message.Attributes["rcpt"] == "bad@b.example")
            ? throw FakePubSub.Error(StatusCode.InvalidArgument, "no") : Task.CompletedTask;
        var report = await transport.AttemptAsync(
            AttemptOf.Text(Mail, "a@b.example", "bad@b.example", "c@b.example"), Cancel);
        Assert.Equal(["Relayed", "Failed", "Relayed"],
            report.Results.Select(result => result.GetType().Name));
    }

    [Theory]
    [InlineData(PubSubFormat.Json, PubSubTransport.DocumentInlineMax)]
    [InlineData(PubSubFormat.Raw, PubSubTransport.RawInlineMax)]
    public async Task Claim_JustOverTheLimit_LiesInAFile(PubSubFormat format, long max)
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(fake, new TransportOptions { Format = format });
        foreach (var octets in new[] { max, max + 1 })
        {
            var report =
                await transport.AttemptAsync(AttemptOf.Octets(Large(octets), AttemptOf.Sender, "a@b.example"),
                    Cancel);
            Assert.IsType<AttemptResult.Relayed>(report.Results[0]);
        }
        Assert.Equal(["inline", "ref"], fake.Published.OrderBy(pair => int.Parse(pair.Key, null))
            .Select(pair => pair.Value.Attributes["raw-mode"]));
        var file = Assert.Single(folder.GetFiles("*", SearchOption.AllDirectories));
        Assert.Equal(("000000000YGJ0.eml", max + 1), (file.Name, file.Length));
    }

    [Fact]
    public async Task Claim_WithAUrl_IsASignedLink()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var store = new MemoryStore();
        var links = new ClaimLinks(TimeProvider.System);
        await links.OpenAsync(store, Cancel);
        await using var transport = Transport(
            fake, new TransportOptions { ClaimUrl = "https://mx.b.example/claims" }, links: links);
        await transport.AttemptAsync(
            AttemptOf.Octets(Large(2_000_000), AttemptOf.Sender, "a@b.example"), Cancel);
        using var document = JsonDocument.Parse(fake.Published.Values.Single().Data.Memory);
        var raw = document.RootElement.GetProperty("raw");
        var uri = raw.GetProperty("uri").GetString()!;
        Assert.StartsWith(
            "https://mx.b.example/claims/000000000YGJ0.eml?expires=", uri, StringComparison.Ordinal);
        var query = System.Web.HttpUtility.ParseQueryString(new Uri(uri).Query);
        Assert.Equal(
            ClaimRight.Good,
            links.Judge(new Postern.Mta.Queue.QueueId(1_000_000), query["expires"]!, query["signature"]!));
        Assert.Equal(
            DateTimeOffset.FromUnixTimeSeconds(long.Parse(query["expires"]!, null)),
            raw.GetProperty("expires_at").GetDateTimeOffset());
    }

    [Fact]
    public async Task Claim_WithAUrlAndNoKeyYet_Waits()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(
            fake, new TransportOptions { ClaimUrl = "https://mx.b.example/claims" },
            links: new ClaimLinks(TimeProvider.System));
        var report = await transport.AttemptAsync(
            AttemptOf.Octets(Large(2_000_000), AttemptOf.Sender, "a@b.example"), Cancel);
        Assert.IsType<AttemptResult.NextHopDown>(report.Results[0]);
        Assert.Empty(fake.Published);
    }

    [Theory]
    [InlineData(5000, 5001, "ref")]
    [InlineData(5000, 5000, "inline")]
    [InlineData(6_000_000, 5_900_000, "inline")]
    [InlineData(9_000_000, 6_500_001, "ref")]
    public async Task InlineMax_DecidesWhereOctetsAre_UpToTheCap(long max, int octets, string mode)
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(fake, new TransportOptions { InlineMax = max });
        await transport.AttemptAsync(
            AttemptOf.Octets(Large(octets), AttemptOf.Sender, "a@b.example"), Cancel);
        Assert.Equal(mode, fake.Published.Values.Single().Attributes["raw-mode"]);
    }

    [Fact]
    public async Task InlineMax_WhereAllThatIsToldMakesItTooLarge_GoesByClaim()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(
            fake, new TransportOptions { InlineMax = 6_500_000, Parse = InboundParse.Bodies });
        var mail = Large(6_500_000);
        // Each of them is six characters in JSON, and there are three texts of them.
        mail.AsSpan(16).Fill(1);
        var report = await transport.AttemptAsync(
            AttemptOf.Octets(mail, AttemptOf.Sender, "a@b.example"), Cancel);
        Assert.IsType<AttemptResult.Relayed>(report.Results[0]);
        Assert.Equal("ref", fake.Published.Values.Single().Attributes["raw-mode"]);
    }

    [Fact]
    public async Task Attempt_OfManyLargeDocuments_HasFewOfThemUnderWay()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(fake, new TransportOptions());
        var held = new TaskCompletionSource();
        var full = new TaskCompletionSource();
        long underWay = 0, most = 0;
        fake.Fault = async (request, _) =>
        {
            if (request.CalculateSize() < 1 << 20)
                return;
            var now = Interlocked.Add(ref underWay, request.CalculateSize());
            InterlockedMax(ref most, now);
            if (now > PubSubTransport.UnderWayMax / 2)
                full.TrySetResult();
            await held.Task;
            Interlocked.Add(ref underWay, -request.CalculateSize());
        };
        var recipients = Enumerable.Range(1, 20).Select(i => $"u{i}@b.example").ToArray();
        var large = transport.AttemptAsync(
            AttemptOf.Octets(Large(PubSubTransport.DocumentInlineMax), null, recipients), Cancel).AsTask();
        await full.Task.WaitAsync(Cancel);
        // It has few calls to itself: were all there are in use, others would wait for it.
        var small = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel)
            .AsTask().WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, Cancel);
        Assert.IsType<AttemptResult.Relayed>(small.Results[0]);
        held.SetResult();
        var report = await large;
        Assert.Equal(recipients, report.Results.Select(result =>
            fake.Published[Assert.IsType<AttemptResult.Relayed>(result).RemoteId!].Attributes["rcpt"]));
        Assert.InRange(most, 1, PubSubTransport.UnderWayMax);
    }

    [Fact]
    public async Task Attempt_ServiceGoesAwayMidway_IsNotAskedForTheRest()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(fake, new TransportOptions());
        fake.Fault = static (request, _) => request.Messages[0].Attributes["rcpt"] != "u1@b.example"
            ? throw FakePubSub.Error(StatusCode.Unavailable, "gone") : Task.CompletedTask;
        var recipients = Enumerable.Range(1, 20).Select(i => $"u{i}@b.example").ToArray();
        var report = await transport.AttemptAsync(
            AttemptOf.Octets(Large(PubSubTransport.DocumentInlineMax), null, recipients), Cancel);
        Assert.Equal(recipients.Length, report.Results.Count);
        Assert.Equal(1, report.Results.Count(static result => result is AttemptResult.Relayed));
        Assert.InRange(fake.Requests.Count, 2, 8);
    }

    [Fact]
    public async Task Claim_Retried_RefersToTheSameFile()
    {
        await using var fake = await FakePubSub.StartAsync();
        var claims = Path.Combine(folder.FullName, "a b", "claims");
        await using var transport = Transport(fake, new TransportOptions { ClaimDirectory = claims });
        var octets = Large(2_000_000);
        var attempt = AttemptOf.Octets(octets, AttemptOf.Sender, "a@b.example", "c@b.example");
        // What a process that died left behind.
        Directory.CreateDirectory(claims);
        await File.WriteAllBytesAsync(Path.Combine(claims, "000000000YGJ0.eml.part"), new byte[5], Cancel);
        await Task.WhenAll(
            transport.AttemptAsync(attempt, Cancel).AsTask(),
                transport.AttemptAsync(attempt, Cancel).AsTask());
        Assert.Equal(4, fake.Published.Count);
        foreach (var published in fake.Published.Values)
        {
            using var document = JsonDocument.Parse(published.Data.Memory);
            var raw = document.RootElement.GetProperty("raw");
            var file = new Uri(raw.GetProperty("uri").GetString()!).LocalPath;
            Assert.Equal(octets, await File.ReadAllBytesAsync(file, Cancel));
            Assert.Equal(2_000_000, raw.GetProperty("size").GetInt64());
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(octets)),
                raw.GetProperty("sha256").GetString());
            Assert.Equal("big",
                document.RootElement.GetProperty("message").GetProperty("subject").GetString());
        }
        Assert.Single(Directory.GetFiles(claims));
    }

    [Fact]
    public async Task Claim_DirectoryCannotBeMade_HoldsTheMailUnderAnAlarm()
    {
        await using var fake = await FakePubSub.StartAsync();
        var file = Path.Combine(folder.FullName, "file");
        await File.WriteAllBytesAsync(file, [], Cancel);
        await using var transport =
            Transport(fake, new TransportOptions { ClaimDirectory = Path.Combine(file, "claims") });
        var report = await transport.AttemptAsync(
            AttemptOf.Octets(Large(2_000_000), AttemptOf.Sender, "a@b.example"), Cancel);
        Assert.Equal("claims", Assert.IsType<AttemptResult.NextHopDown>(report.Results[0]).Alarm?.Kind);
        Assert.Empty(fake.Published);
    }

    [Fact]
    public async Task Json_MalformedMail_IsPublishedWithItsDefects()
    {
        await using var fake = await FakePubSub.StartAsync();
        await using var transport = Transport(fake, new TransportOptions());
        var random = new Random(20261124);
        var samples = Enumerable.Range(0, 200).Select(_ =>
        {
            var octets = new byte[random.Next(2000)];
            random.NextBytes(octets);
            return octets;
        }).Prepend("From: <<<>>>,,;:\r\nno colon here\r\nDate: yesterday\r\n: x\r\n\r\n"u8.ToArray());
        foreach (var octets in samples)
        {
            byte[] mail = [.. "From: "u8, .. octets];
            var report = await transport.AttemptAsync(AttemptOf.Octets(mail, null, "a@b.example"), Cancel);
            Assert.IsType<AttemptResult.Relayed>(report.Results[0]);
        }
        using var document = JsonDocument.Parse(fake.Published["1"].Data.Memory);
        Assert.Contains("malformed-header-line",
            document.RootElement.GetProperty("message").GetProperty("defects")
            .EnumerateArray().Select(defect => defect.GetString()));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("mail")]
    [InlineData("projects/acme/topics/t1")]
    [InlineData("projects/acme/topics/1abc")]
    [InlineData("projects/acme/topics/google-mail")]
    [InlineData("projects/acme/topics/ma il")]
    [InlineData("projects//topics/mail")]
    public void FindProblem_BadTopic_IsFound(string? topic) =>
        Assert.NotNull(PubSubTransport.FindProblem(new TransportOptions { Topic = topic }));

    [Theory]
    [InlineData("127.0.0.1:8085", "http://127.0.0.1:8085/")]
    [InlineData("localhost:9000", "http://localhost:9000/")]
    [InlineData("[::1]:8085", "http://[::1]:8085/")]
    [InlineData("http://127.0.0.1:80/", "http://127.0.0.1/")]
    [InlineData("localhost", "http://localhost:8085/")]
    public void Endpoint_EmulatorOnLoopback_IsPlainWithoutCredentials(string variable, string address)
    {
        Assert.True(PubSubEndpoint.TryFind(variable, TimeProvider.System, out var endpoint, out _));
        Assert.Equal((address, null), (endpoint.Address.AbsoluteUri, endpoint.Credentials));
    }

    [Theory]
    [InlineData("pubsub.example:8085")]
    [InlineData("192.0.2.1:8085")]
    [InlineData("127.0.0.1.example:8085")]
    [InlineData("localhost@192.0.2.1:8085")]
    [InlineData("::::")]
    public void Endpoint_EmulatorElsewhere_IsRefused(string variable)
    {
        Assert.False(PubSubEndpoint.TryFind(variable, TimeProvider.System, out _, out var problem));
        Assert.Contains(PubSubEndpoint.EmulatorVariable, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Attributes_LongValue_IsCutBetweenCharactersAndCleaned()
    {
        var map = new Google.Protobuf.Collections.MapField<string, string>();
        map.Put("k", "a\r\n\0b" + new string('가', 400));
        Assert.Equal("ab" + new string('가', 340), map["k"]);
        map.Put("empty", "\r\n");
        Assert.False(map.ContainsKey("empty"));
        Assert.Throws<ArgumentException>(() => map.Put("google-x", "1"));
        for (var i = 0; i < 200; i++)
            map.Put($"n{i}", "v");
        Assert.Equal(PubSubAttributes.CountMax, map.Count);
    }

    [Fact]
    public async Task EachCall_IsToldToTheMetrics_WithItsCode()
    {
        await using var fake = await FakePubSub.StartAsync();
        var calls = new List<PublishCall>();
        await using var transport = Transport(fake, new TransportOptions(), calls.Add);
        await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example", "c@b.example"), Cancel);
        fake.Fault = static (_, _) => throw FakePubSub.Error(StatusCode.Unavailable, "down");
        await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
        Assert.Equal(
            [(2, StatusCode.OK), (1, StatusCode.Unavailable)], calls.Select(c => (c.Messages, c.Code)));
        Assert.Equal(fake.Requests.Select(r => (long)r.CalculateSize()), calls.Select(c => c.Octets));
    }

    static void InterlockedMax(ref long most, long now)
    {
        for (var seen = Interlocked.Read(ref most); now > seen;)
        {
            var before = Interlocked.CompareExchange(ref most, now, seen);
            if (before == seen)
                return;
            seen = before;
        }
    }

    static byte[] Large(long octets)
    {
        var mail = new byte[octets];
        mail.AsSpan().Fill((byte)'x');
        "Subject: big\r\n\r\n"u8.CopyTo(mail);
        return mail;
    }

    static string Sha(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    PubSubTransport Transport(
        FakePubSub fake, TransportOptions options, Action<PublishCall>? called = null,
        ClaimLinks? links = null) => new(
        "topic",
        options with { Kind = TransportKind.Pubsub, Topic = FakePubSub.Topic },
        new InboundSource("mx.b.example", "0.1.0", "+", folder.FullName)
        {
            Claims = links is null ? null : new ClaimParts(
                TimeProvider.System, links, static _ => throw new InvalidOperationException()),
        },
        fake.Endpoint,
        new PublishLimits(),
        TimeProvider.System,
        called);
}
