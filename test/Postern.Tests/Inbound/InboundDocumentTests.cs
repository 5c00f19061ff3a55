using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Json.Schema;
using Postern.Mta;
using Postern.Mta.Inbound;
using Postern.Mta.Transports;
using Postern.Mta.Transports.Claims;
using Postern.Tests.Transports;
using PosternInboundV1;

namespace Postern.Tests.Inbound;

public sealed class InboundDocumentTests
{
    static readonly JsonDocument SchemaText = JsonDocument.Parse(
        File.ReadAllBytes(Repository.PathOf("docs/postern.inbound.v1.schema.json")));

    static readonly JsonSchema Schema = JsonSchema.FromText(SchemaText.RootElement.GetRawText());

    static readonly InboundSource Source = new("mx.b.example", "0.1.0", "+", Path.GetTempPath());

    const string Mail = """
        From: =?utf-8?B?7ZWc?= <a@from.example>
        Sender: s@from.example
        Reply-To: r@from.example
        To: sales+eu@b.example, c@b.example
        Cc: d@b.example
        Subject: files
        Date: Mon, 05 Jan 2026 09:00:00 +0900
        Message-ID: <id@from.example>
        In-Reply-To: <r1@x>
        References: <r0@x> <r1@x>
        List-Id: <l.example>
        Auto-Submitted: no
        no colon here
        MIME-Version: 1.0
        Content-Type: multipart/mixed; boundary=m

        --m
        Content-Type: multipart/alternative; boundary=r

        --r
        Content-Type: text/plain; charset=utf-8

        답장
        -- 
        me
        --r
        Content-Type: text/html

        <b>hi</b>
        --r--
        --m
        Content-Type: image/png; name=logo.png
        Content-ID: <logo>
        Content-Transfer-Encoding: base64

        AQID
        --m
        Content-Type: multipart/mixed; boundary=i

        --i
        Content-Type: application/pdf
        Content-Disposition: attachment; filename=a.pdf

        pdf
        --i--
        --m--

        """;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Document_OfAWholeMail_TellsBodiesAttachmentsAndChecks()
    {
        using var document = await DescribeAsync(Full());
        var root = document.RootElement;
        var message = root.GetProperty("message");
        Assert.Equal("답장\r\n-- \r\nme", message.GetProperty("text").GetString());
        Assert.Equal("<b>hi</b>", message.GetProperty("html").GetString());
        Assert.Equal("""{"text":"답장","signature":"me"}""", message.GetProperty("stripped").GetRawText());
        Assert.Equal("""
            [{"filename":"logo.png","content_type":"image/png","size":3,"content_id":"<logo>","inline":true,
            "sha256":"039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81","part":"2"},
            {"filename":"a.pdf","content_type":"application/pdf","size":3,"content_id":null,"inline":false,
            "sha256":"HASH","part":"3.1"}]
            """.Replace("\n", "", StringComparison.Ordinal).Replace("HASH", Convert.ToHexStringLower(
                System.Security.Cryptography.SHA256.HashData("pdf"u8)), StringComparison.Ordinal),
            message.GetProperty("attachments").GetRawText());
        Assert.Equal("""["malformed-header-line"]""", message.GetProperty("defects").GetRawText());
        Assert.Equal("""
            {"spf":{"result":"softfail","domain":"from.example","scope":"mfrom","explanation":"not from here",
            "why":"~all"},"dkim":[{"result":"temperror","domain":"","selector":"s0","algorithm":"",
            "identity":null,"aligned":null,"testing":false,"error":"DNS does not answer"},{"result":"pass",
            "domain":"from.example","selector":"s1","algorithm":"rsa-sha256","identity":"@from.example",
            "aligned":true,"testing":true,"error":null}],"dmarc":{"result":"pass","domain":"from.example",
            "policy":"reject","record_domain":"from.example","spf_aligned":false,"dkim_aligned":true,
            "testing":false,"why":"by DKIM"},"arc":{"result":"none","chain":["list.example"],"oldest_pass":1,
            "why":"no chain"}}
            """.Replace("\n", "", StringComparison.Ordinal), root.GetProperty("auth").GetRawText());
        Assert.Equal("""
            {"listed":["zen.example"],"rule":"listed","action":"tag",
            "spam":{"verdict":"ham","score":1.25,"threshold":6,"engine":"rspamd 3.11"},
            "virus":{"verdict":"clean","engine":"clamav 1.4","signature":"none"},
            "milters":[{"name":"opendkim","verdict":"quarantine","text":"no key"}]}
            """.Replace("\n", "", StringComparison.Ordinal), root.GetProperty("filter").GetRawText());
    }

    [Fact]
    public async Task Document_WithoutChecksAndBodies_HasNoWordOfThem()
    {
        using var document = await DescribeAsync(
            AttemptOf.Text(Mail.ReplaceLineEndings("\r\n"), "a@b.example"), InboundParse.Parts);
        Assert.False(document.RootElement.TryGetProperty("auth", out _));
        Assert.False(document.RootElement.TryGetProperty("filter", out _));
        var message = document.RootElement.GetProperty("message");
        foreach (var name in new[] { "text", "html", "stripped" })
            Assert.Equal(JsonValueKind.Null, message.GetProperty(name).ValueKind);
        Assert.False(message.GetProperty("bodies_truncated").GetBoolean());
        Assert.Equal(2, message.GetProperty("attachments").GetArrayLength());
    }

    [Fact]
    public async Task Bodies_LongerThanTheLimit_AreCutBetweenCharactersAndSaidToBe()
    {
        var long3 = new string('가', 200_000);
        using var document = await DescribeAsync(AttemptOf.Text(
            "Content-Type: text/plain; charset=utf-8\r\n\r\n" + long3, "a@b.example"));
        var message = document.RootElement.GetProperty("message");
        Assert.Equal(
            new string('가', MailDescription.BodyOctetsMax / 3), message.GetProperty("text").GetString());
        Assert.True(message.GetProperty("bodies_truncated").GetBoolean());
        // A charset whose characters are shorter than in UTF-8.
        var korean = Encoding.Latin1.GetString(MailCharsets.Hangul.GetBytes(new string('가', 100_000)));
        using var cut = await DescribeAsync(AttemptOf.Octets(Encoding.Latin1.GetBytes(
            "Content-Type: text/plain; charset=euc-kr\r\n\r\n" + korean), null, "a@b.example"));
        Assert.True(cut.RootElement.GetProperty("message").GetProperty("bodies_truncated").GetBoolean());
    }

    [Fact]
    public async Task Names_WithHalvesOfCharacters_AreWrittenAllTheSame()
    {
        var name = string.Concat(Enumerable.Repeat("🚀", 200));
        using var document = await DescribeAsync(AttemptOf.Text(
            $"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
            + "a&#xD800;b\r\n--b\r\nContent-Type: image/png; name=\"x" + name + "\"\r\n\r\nx\r\n--b--\r\n",
            "a@b.example"));
        var attachments = document.RootElement.GetProperty("message").GetProperty("attachments");
        Assert.Equal(1, attachments.GetArrayLength());
    }

    [Fact]
    public async Task Mail_OfFiftyMebibytes_IsDescribedWhole()
    {
        var octets = new byte[50 << 20];
        octets.AsSpan().Fill((byte)'A');
        for (var i = 77; i + 1 < octets.Length; i += 78)
            "\r\n"u8.CopyTo(octets.AsSpan(i - 1));
        "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"u8.CopyTo(octets);
        var content = AttemptOf.Octets(octets, null, "a@b.example").Content;
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var mail = await MailDescription.ReadAsync(content, Path.GetTempPath(), InboundParse.Bodies, Cancel);
        var spent = GC.GetTotalAllocatedBytes(precise: true) - before;
        // Other tests allocate meanwhile: the figure is for the eye.
        TestContext.Current.TestOutputHelper?.WriteLine($"{spent:N0} octets allocated in the process");
        Assert.Equal(50 << 20, mail.Octets);
        Assert.InRange(Assert.Single(mail.Attachments).Octets, 30 << 20, 50 << 20);
    }

    [Fact]
    public async Task Mail_OfMillionsOfParts_IsNotTakenApart()
    {
        var text = "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            + string.Concat(Enumerable.Repeat("--b\r\n\r\nx\r\n", 30_000));
        using var document = await DescribeAsync(AttemptOf.Text(text, "a@b.example"));
        var message = document.RootElement.GetProperty("message");
        Assert.Equal("x", message.GetProperty("subject").GetString());
        Assert.Equal("""["too-complex"]""", message.GetProperty("defects").GetRawText());
    }

    [Fact]
    public async Task Documents_OfAllTestMails_FitSchemaAndProto()
    {
        var seen = new HashSet<string>();
        await CheckAsync(Full(), seen, new RawContent.Reference(
            new ClaimReference("gs://claims/1.eml", "17", DateTimeOffset.UnixEpoch)), "whole");
        await CheckAsync(Full(), seen, new RawContent.Elsewhere(), "whole");
        var count = 0;
        foreach (var path in MailSuitesTests.AllMails())
        {
            var octets = MailSuitesTests.Read(path);
            await CheckAsync(AttemptOf.Octets(octets, null, "a@b.example"), seen, null, path);
            count++;
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{count} mails of suites described");
        // The other direction: no member is promised that never comes.
        Assert.Empty(MembersOf().Except(seen).Except(["MailFromParams.SIZE", "MailFromParams.SMTPUTF8"]));
    }

    [Fact]
    public void Proto_HasTheMembersOfTheSchema()
    {
        var proto = InboundMail.Descriptor.File.MessageTypes.SelectMany(
            type => type.Fields.InDeclarationOrder().Select(field => $"{type.Name}.{NameOf(type, field)}"));
        Assert.Equal(MembersOf().Order(StringComparer.Ordinal), proto.Order(StringComparer.Ordinal));
    }

    static string NameOf(MessageDescriptor type, FieldDescriptor field) =>
        type.Name == "MailFromParams" ? field.JsonName : field.Name;

    /// <summary>Every member of the schema, as <c>Server.host</c>.</summary>
    static IEnumerable<string> MembersOf()
    {
        var root = SchemaText.RootElement;
        foreach (var member in root.GetProperty("properties").EnumerateObject())
            yield return $"InboundMail.{member.Name}";
        foreach (var type in root.GetProperty("$defs").EnumerateObject())
            foreach (var member in type.Value.GetProperty("properties").EnumerateObject())
                yield return $"{type.Name}.{member.Name}";
    }

    static Attempt Full()
    {
        var attempt = AttemptOf.Text(Mail.ReplaceLineEndings("\r\n"), "sales+eu@b.example", "c@b.example");
        return attempt with { Message = attempt.Message with { Checks = SampleChecks.Full } };
    }

    static async Task<JsonDocument> DescribeAsync(
        Attempt attempt, InboundParse parse = InboundParse.Bodies, RawContent? raw = null)
    {
        var mail = await MailDescription.ReadAsync(attempt.Content, Path.GetTempPath(), parse, Cancel);
        raw ??= new RawContent.Inline("octets"u8.ToArray());
        return JsonDocument.Parse(
            new InboundDocument(Source, attempt, mail, raw).Write(attempt.Recipients));
    }

    static async Task CheckAsync(Attempt attempt, HashSet<string> seen, RawContent? raw, string name)
    {
        using var document = await DescribeAsync(attempt, raw: raw);
        var result = Schema.Evaluate(
            document.RootElement, new EvaluationOptions { OutputFormat = OutputFormat.List });
        Assert.True(result.IsValid, $"{name}: " + string.Join("; ", (result.Details ?? [])
            .Where(detail => detail.Errors is not null)
            .Select(detail => $"{detail.InstanceLocation}: {string.Join(", ", detail.Errors!.Values)}")));
        // It takes no member that it does not know.
        var read = JsonParser.Default.Parse<InboundMail>(document.RootElement.GetRawText());
        Assert.Equal("postern.inbound.v1", read.Schema);
        See(InboundMail.Descriptor, document.RootElement, seen);
    }

    static void See(MessageDescriptor type, JsonElement element, HashSet<string> seen)
    {
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
                See(type, item, seen);
        }
        if (element.ValueKind != JsonValueKind.Object)
            return;
        foreach (var member in element.EnumerateObject())
        {
            seen.Add($"{type.Name}.{member.Name}");
            var field = type.Fields.InDeclarationOrder().First(field => NameOf(type, field) == member.Name);
            if (field.FieldType == FieldType.Message)
                See(field.MessageType, member.Value, seen);
        }
    }
}
