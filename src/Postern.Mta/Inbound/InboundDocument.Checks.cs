using System.Text.Json;
using Postern.Mta.Inbound.Checks;

namespace Postern.Mta.Inbound;

sealed partial class InboundDocument
{
    static void WriteAuth(Utf8JsonWriter json, MailChecks checks)
    {
        if (checks is { Spf: null, Dkim: null, Dmarc: null, Arc: null })
            return;
        json.WriteStartObject("auth");
        if (checks.Spf is { } spf)
        {
            json.WriteStartObject("spf");
            json.WriteString("result", CheckWords.Of(spf.Result));
            json.WriteString("domain", spf.Domain);
            json.WriteString("scope", spf.Scope is SpfScope.Helo ? "helo" : "mfrom");
            json.WriteString("explanation", spf.Explanation);
            json.WriteString("why", spf.Why);
            json.WriteEndObject();
        }
        if (checks.Dkim is { } signatures)
        {
            json.WriteStartArray("dkim");
            foreach (var signature in signatures)
                WriteSignature(json, signature);
            json.WriteEndArray();
        }
        if (checks.Dmarc is { } dmarc)
            WriteDmarc(json, dmarc);
        if (checks.Arc is { } arc)
        {
            json.WriteStartObject("arc");
            json.WriteString("result", CheckWords.Of(arc.Result));
            WriteList(json, "chain", arc.Sealers);
            json.WriteNumber("oldest_pass", arc.OldestPass);
            json.WriteString("why", arc.Why);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    static void WriteSignature(Utf8JsonWriter json, DkimVerdict signature)
    {
        json.WriteStartObject();
        json.WriteString("result", CheckWords.Of(signature.Result));
        json.WriteString("domain", signature.Domain);
        json.WriteString("selector", signature.Selector);
        json.WriteString("algorithm", signature.Algorithm);
        json.WriteString("identity", signature.Identity);
        if (signature.IsAligned is { } isAligned)
            json.WriteBoolean("aligned", isAligned);
        else
            json.WriteNull("aligned");
        json.WriteBoolean("testing", signature.IsTesting);
        json.WriteString("error", signature.Why);
        json.WriteEndObject();
    }

    static void WriteDmarc(Utf8JsonWriter json, DmarcVerdict dmarc)
    {
        json.WriteStartObject("dmarc");
        json.WriteString("result", CheckWords.Of(dmarc.Result));
        json.WriteString("domain", dmarc.Domain);
        json.WriteString("policy", CheckWords.Of(dmarc.Policy));
        json.WriteString("record_domain", dmarc.RecordDomain);
        json.WriteBoolean("spf_aligned", dmarc.IsSpfAligned);
        json.WriteBoolean("dkim_aligned", dmarc.IsDkimAligned);
        json.WriteBoolean("testing", dmarc.IsTesting);
        json.WriteString("why", dmarc.Why);
        json.WriteEndObject();
    }

    static void WriteFilter(Utf8JsonWriter json, MailChecks checks)
    {
        if (checks is { Spam: null, Virus: null, Milters: null, Rule: null, Listed.Count: 0 })
            return;
        json.WriteStartObject("filter");
        json.WriteStartArray("listed");
        foreach (var zone in checks.Listed)
            json.WriteStringValue(zone);
        json.WriteEndArray();
        json.WriteString("rule", checks.Rule);
        json.WriteString("action", CheckWords.Of(checks.Action));
        if (checks.Spam is { } spam)
        {
            json.WriteStartObject("spam");
            json.WriteString("verdict", CheckWords.Of(spam.Result));
            WriteScore(json, "score", spam.Score);
            WriteScore(json, "threshold", spam.Threshold);
            json.WriteString("engine", spam.Engine);
            json.WriteEndObject();
        }
        if (checks.Virus is { } virus)
        {
            json.WriteStartObject("virus");
            json.WriteString("verdict", CheckWords.Of(virus.Result));
            json.WriteString("engine", virus.Engine);
            json.WriteString("signature", virus.Signature);
            json.WriteEndObject();
        }
        if (checks.Milters is { } milters)
            WriteMilters(json, milters);
        json.WriteEndObject();
    }

    static void WriteMilters(Utf8JsonWriter json, IReadOnlyList<MilterVerdict> milters)
    {
        json.WriteStartArray("milters");
        foreach (var milter in milters)
        {
            json.WriteStartObject();
            json.WriteString("name", milter.Name);
            json.WriteString("verdict", CheckWords.Of(milter.Result));
            json.WriteString("text", milter.Text);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    static void WriteScore(Utf8JsonWriter json, string name, double? score)
    {
        // JSON has no word for what is no number.
        if (score is { } number && double.IsFinite(number))
            json.WriteNumber(name, number);
        else
            json.WriteNull(name);
    }
}
