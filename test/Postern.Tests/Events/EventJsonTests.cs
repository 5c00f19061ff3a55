using System.Buffers;
using System.Text;
using System.Text.Json;
using CsCheck;
using Postern.Mta.Events;
using Postern.Mta.Transports;

namespace Postern.Tests.Events;

public sealed class EventJsonTests
{
    [Fact]
    public void EveryKind_MatchesItsGoldenFile()
    {
        var text = new StringBuilder();
        foreach (var kind in Enum.GetValues<EventKind>())
            text.AppendLine(Json(SampleEvents.Of(kind)));
        GoldenFile.Check("events.jsonl", text.ToString());
    }

    [Fact]
    public void Id_IsTwentyTwoCharactersOfNodeAndSeq()
    {
        Assert.Equal(22, EventJson.IdOf(3, 17).Length);
        Assert.NotEqual(EventJson.IdOf(3, 17), EventJson.IdOf(17, 3));
    }

    [Fact]
    public void AnyText_GivesOneWellFormedLine() => HostileText.Gen.Sample(text =>
    {
        var json = Json(SampleEvents.Of(EventKind.Failed) with
        {
            Reply = text,
            Sender = text,
            RecipientAddress = text,
            MessageId = text
        });
        Assert.DoesNotContain(json, c => char.IsControl(c));
        using var document = JsonDocument.Parse(json);
        Assert.Equal("failed", document.RootElement.GetProperty("event").GetString());
    }, iter: 500);

    [Fact]
    public void Conversation_IsAnArrayOfTurns_WithoutWhatIsNull()
    {
        var json = Json(WithTalk(EventKind.Attempted, "250-a\n250 \u202eb"));
        Assert.Contains(
            """
            "conversation":[{"said":"EHLO mx","answer":"250-a\n250 \u202Eb","ms":12},{"said":"(gone)"}]
            """, json, StringComparison.Ordinal);
        Assert.DoesNotContain(
            "conversation", Json(SampleEvents.Of(EventKind.Attempted)), StringComparison.Ordinal);
    }

    [Fact]
    public void Conversation_OfAHostileRelay_GivesOneWellFormedLine() => HostileText.Gen.Sample(text =>
    {
        var json = Json(WithTalk(EventKind.Failed, text));
        Assert.DoesNotContain(json, c => char.IsControl(c));
        using var document = JsonDocument.Parse(json);
    }, iter: 500);

    [Theory]
    [InlineData(EventKind.Relayed)]
    [InlineData(EventKind.Attempted)]
    [InlineData(EventKind.Failed)]
    public void Conversation_IsNotToldToThePublic(EventKind kind)
    {
        var stored = new StoredEvent(1, WithTalk(kind, "550 no"));
        Assert.NotNull(stored.Event.Facts!.Conversation);
        Assert.Null(PublicEvents.Find(stored)!.Event.Facts!.Conversation);
    }

    static MailEvent WithTalk(EventKind kind, string answer) => SampleEvents.Of(kind) with
    {
        Facts = SampleEvents.Facts with
        {
            Conversation = Conversation.Of(
            [
                new ConversationTurn("EHLO mx", answer, 12), new ConversationTurn("(gone)", null, null),
            ]),
        },
    };

    static string Json(MailEvent mailEvent)
    {
        var output = new ArrayBufferWriter<byte>();
        EventJson.Write(output, new StoredEvent(42, mailEvent), node: 1);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}

/// <summary>Texts a hostile peer could send: controls, line ends, boundaries, fields, lone surrogates,
/// 8-bit.</summary>
static class HostileText
{
    static readonly char[] nasty =
    [
        '\r', '\n', '\0', '\e', ' ', '\t', '-', '.', ':', '\ud800', '\udc00', '\u202e', '\u2028', '\u0085',
            'é', '한', 'x',
        '<', '>', '"', '\\', '=',
    ];

    static readonly string[] known =
    [
        "a\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<b>", "550 no\r\nBcc: x@y", "\r\n.\r\n",
            new string('x', 5000),
        "550 5.1.1 \e]0;owned\a", " said: 550", "250", "host x said: 550 (in reply to",
    ];

    public static readonly Gen<string> Gen = CsCheck.Gen.OneOf(
        CsCheck.Gen.String,
        CsCheck.Gen.Int[0, nasty.Length - 1].Select(i => nasty[i]).Array[0, 60].Select(c => new string(c)),
        CsCheck.Gen.Int[0, known.Length - 1].Select(i => known[i]));
}
