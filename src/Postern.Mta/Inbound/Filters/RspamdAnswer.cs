using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;
using Postern.Mta.Inbound.Checks;

namespace Postern.Mta.Inbound.Filters;

/// <summary>What rspamd answers to <c>/checkv2</c>, as far as it is wanted here.</summary>
sealed record RspamdAnswer
{
    /// <summary>Its rules were not run: its settings leave such mail alone, or something else had decided
    /// before.</summary>
    public bool IsSkipped { get; init; }

    public string? Action { get; init; }
    public double? Score { get; init; }

    /// <summary>From here on it rejects.</summary>
    public double? RequiredScore { get; init; }

    /// <summary>Null: no action of rspamd's, and nothing that could be obeyed.</summary>
    public SpamResult? Result => Action switch
    {
        "reject" or "discard" => SpamResult.Spam,
        // A soft reject is rspamd's greylisting or its limits of rates: a verdict may defer such mail.
        "add header" or "rewrite subject" or "soft reject" or "quarantine" => SpamResult.Suspect,
        "no action" when IsSkipped => SpamResult.Skipped,
        // It would have greylisted, had it been asked by somebody who does.
        "no action" or "greylist" => SpamResult.Ham,
        _ => null,
    };

    /// <returns>False: it is no such answer.</returns>
    public static bool TryParse(in ReadOnlySequence<byte> json, [NotNullWhen(true)] out RspamdAnswer? answer)
    {
        answer = null;
        try
        {
            var reader = new Utf8JsonReader(json);
            answer = JsonSerializer.Deserialize(ref reader, RspamdJson.Default.RspamdAnswer);
        }
        catch (JsonException)
        {
            return false;
        }
        if (answer is null || !IsNumber(answer.Score) || !IsNumber(answer.RequiredScore))
            answer = null;
        return answer is not null;
    }

    /// <summary>JSON may write what no number of ours can hold.</summary>
    static bool IsNumber(double? score) => score is null || double.IsFinite(score.Value);
}

[JsonSerializable(typeof(RspamdAnswer))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
sealed partial class RspamdJson : JsonSerializerContext;
