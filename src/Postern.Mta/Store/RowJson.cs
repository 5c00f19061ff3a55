using System.Text.Json;
using System.Text.Json.Serialization;
using Postern.Mta.Inbound.Checks;

namespace Postern.Mta.Store;

/// <summary>Absent means null, zero or false; an empty text is written.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(MessageRow))]
[JsonSerializable(typeof(RecipientRow))]
[JsonSerializable(typeof(EventRow))]
sealed partial class RowJson : JsonSerializerContext;

/// <summary>
/// What stands in <c>message.facts</c>. Names are short because every message pays for them.
/// </summary>
sealed record MessageRow
{
    [JsonPropertyName("d")] public int Door { get; init; }

    /// <summary>Null: the null sender.</summary>
    [JsonPropertyName("s")] public string? Sender { get; init; }

    [JsonPropertyName("ps")] public long? DeclaredOctets { get; init; }
    [JsonPropertyName("pb")] public int Body { get; init; }
    [JsonPropertyName("pu")] public bool SmtpUtf8 { get; init; }
    [JsonPropertyName("pr")] public int Return { get; init; }
    [JsonPropertyName("pe")] public string? EnvelopeId { get; init; }
    [JsonPropertyName("c")] public ClientRow? Client { get; init; }
    [JsonPropertyName("o")] public long ContentOctets { get; init; }
    [JsonPropertyName("f")] public string? ContentFile { get; init; }
    [JsonPropertyName("t")] public int Traits { get; init; }

    /// <summary>Start and length of each cut, one after the other.</summary>
    [JsonPropertyName("x")] public long[]? Cuts { get; init; }

    [JsonPropertyName("i")] public string? MessageId { get; init; }
    [JsonPropertyName("r")] public long? ReportOn { get; init; }
    [JsonPropertyName("mo")] public OptionsRow? Options { get; init; }
    [JsonPropertyName("ml")] public ListRow[]? Lists { get; init; }

    [JsonPropertyName("mc")]
    [JsonConverter(typeof(ChecksConverter))]
    public MailChecks? Checks { get; init; }
}

/// <summary>As everywhere else where they are kept: by names, not by numbers.</summary>
sealed class ChecksConverter : JsonConverter<MailChecks>
{
    public override MailChecks? Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
        JsonSerializer.Deserialize(ref reader, MailChecksJson.Default.MailChecks);

    public override void Write(Utf8JsonWriter writer, MailChecks value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, value, MailChecksJson.Default.MailChecks);
}

sealed record ListRow
{
    [JsonPropertyName("a")] public string Address { get; init; } = "";
    [JsonPropertyName("h")] public string Fields { get; init; } = "";
    [JsonPropertyName("x")] public long[]? Cuts { get; init; }
    [JsonPropertyName("r")] public bool KeepsReports { get; init; }
}

sealed record OptionsRow
{
    [JsonPropertyName("d")] public string Domain { get; init; } = "";
    [JsonPropertyName("t")] public string[]? Tags { get; init; }
    [JsonPropertyName("v")] public string? Variables { get; init; }
    [JsonPropertyName("x")] public bool IsTest { get; init; }
    [JsonPropertyName("a")] public long? DeliverAt { get; init; }
    [JsonPropertyName("e")] public bool RequiresTls { get; init; }
    [JsonPropertyName("w")] public long? DeliverWithin { get; init; }
    [JsonPropertyName("l")] public string? List { get; init; }
}

sealed record ClientRow
{
    [JsonPropertyName("a")] public string? Address { get; init; }
    [JsonPropertyName("p")] public int Port { get; init; }
    [JsonPropertyName("n")] public string? Name { get; init; }
    [JsonPropertyName("h")] public string? Helo { get; init; }
    [JsonPropertyName("w")] public string? Protocol { get; init; }
    [JsonPropertyName("l")] public string? Listener { get; init; }
    [JsonPropertyName("u")] public string? Account { get; init; }
    [JsonPropertyName("m")] public string? Mechanism { get; init; }
    [JsonPropertyName("t")] public string? Tls { get; init; }
}

/// <summary>What stands in <c>recipient.facts</c>.</summary>
sealed record RecipientRow
{
    [JsonPropertyName("a")] public string Address { get; init; } = "";
    [JsonPropertyName("o")] public string? Original { get; init; }
    [JsonPropertyName("p")] public int? Parent { get; init; }
    [JsonPropertyName("n")] public int Notify { get; init; }
    [JsonPropertyName("oc")] public string? OriginalRecipient { get; init; }
    [JsonPropertyName("b")] public string? BoundTransport { get; init; }
    [JsonPropertyName("m")] public int? List { get; init; }
    [JsonPropertyName("e")] public int Outcome { get; init; }
    [JsonPropertyName("c")] public int Attempts { get; init; }
    [JsonPropertyName("u")] public int Uncertain { get; init; }
    [JsonPropertyName("r")] public string? Route { get; init; }
    [JsonPropertyName("t")] public string? Transport { get; init; }
    [JsonPropertyName("l")] public int? LastBlame { get; init; }
    [JsonPropertyName("w")] public bool UnderAlarm { get; init; }
    [JsonPropertyName("d")] public bool DelayTold { get; init; }
    [JsonPropertyName("x")] public string? LastText { get; init; }
}

/// <summary>What stands in <c>event.body</c>; kind, moment and message are columns.</summary>
sealed record EventRow
{
    [JsonPropertyName("n")] public int? Recipient { get; init; }
    [JsonPropertyName("a")] public string? RecipientAddress { get; init; }
    [JsonPropertyName("oa")] public string? OriginalAddress { get; init; }
    [JsonPropertyName("s")] public string? Sender { get; init; }
    [JsonPropertyName("i")] public string? MessageId { get; init; }
    [JsonPropertyName("o")] public long? ContentOctets { get; init; }
    [JsonPropertyName("su")] public string? Subject { get; init; }
    [JsonPropertyName("c")] public int? RecipientCount { get; init; }
    [JsonPropertyName("cl")] public ClientRow? Client { get; init; }
    [JsonPropertyName("r")] public string? Route { get; init; }
    [JsonPropertyName("t")] public string? Transport { get; init; }
    [JsonPropertyName("w")] public string? Why { get; init; }
    [JsonPropertyName("ch")] public string? Checks { get; init; }
    [JsonPropertyName("k")] public int? Attempt { get; init; }
    [JsonPropertyName("f")] public AttemptRow? Facts { get; init; }
    [JsonPropertyName("da")] public long? DelayBeforeActive { get; init; }
    [JsonPropertyName("db")] public long? DelayActive { get; init; }
    [JsonPropertyName("st")] public string? Status { get; init; }
    [JsonPropertyName("re")] public string? Reply { get; init; }
    [JsonPropertyName("ri")] public string? RemoteId { get; init; }
    [JsonPropertyName("b")] public int? Blame { get; init; }
    [JsonPropertyName("u")] public bool Uncertain { get; init; }
    [JsonPropertyName("se")] public int? Severity { get; init; }
    [JsonPropertyName("x")] public long? Other { get; init; }
    [JsonPropertyName("ac")] public string? Actor { get; init; }
    [JsonPropertyName("al")] public AlarmRow? Alarm { get; init; }
    [JsonPropertyName("mo")] public OptionsRow? Options { get; init; }
    [JsonPropertyName("rm")] public RemoteRow? Remote { get; init; }
}

sealed record RemoteRow
{
    [JsonPropertyName("s")] public string? Source { get; init; }
    [JsonPropertyName("i")] public string? EventId { get; init; }
    [JsonPropertyName("a")] public long At { get; init; }
    [JsonPropertyName("r")] public string? Reason { get; init; }
    [JsonPropertyName("d")] public string? Details { get; init; }
}

sealed record AttemptRow
{
    [JsonPropertyName("r")] public string? Relay { get; init; }
    [JsonPropertyName("u")] public int ConnectionUse { get; init; }
    [JsonPropertyName("c")] public long SetUp { get; init; }
    [JsonPropertyName("d")] public long Transmission { get; init; }
    [JsonPropertyName("t")] public string? Tls { get; init; }
}

sealed record AlarmRow
{
    [JsonPropertyName("k")] public string? Kind { get; init; }
    [JsonPropertyName("s")] public string? Subject { get; init; }
    [JsonPropertyName("a")] public long Since { get; init; }
    [JsonPropertyName("x")] public string? Text { get; init; }
    [JsonPropertyName("m")] public string? Mend { get; init; }
}
