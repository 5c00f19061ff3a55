using System.Globalization;
using System.Text.Json.Nodes;
using Postern.Mta.Events;

namespace Postern.Api.Mailgun;

/// <summary>Mailgun's metrics, as its manual defines them, made of our counters.</summary>
static class Metric
{
    /// <summary>Whole numbers.</summary>
    static readonly Dictionary<string, Func<StatsCounts, long>> Counts = new(StringComparer.Ordinal)
    {
        ["accepted_incoming_count"] = _ => 0,
        ["accepted_outgoing_count"] = counts => counts.Of("accepted"),
        ["accepted_count"] = counts => counts.Of("accepted"),
        ["delivered_smtp_count"] = counts => counts.Of("delivered"),
        ["delivered_http_count"] = _ => 0,
        ["delivered_optimized_count"] = _ => 0,
        ["delivered_count"] = counts => counts.Of("delivered"),
        ["delivered_first_attempt_count"] = counts => counts.Of("delivered.first"),
        ["delivered_subsequent_count"] = counts => counts.Of("delivered.later"),
        ["delivered_two_plus_attempts_count"] = counts => counts.Of("delivered.later"),
        ["delayed_first_attempt_count"] = counts =>
            counts.Of("delivered.later") + counts.Of("failed.permanent.old"),
        ["stored_count"] = counts => counts.Of("stored"),
        ["processed_count"] = Processed,
        ["sent_count"] = Sent,
        ["opened_count"] = counts => counts.Of("opened"),
        ["clicked_count"] = counts => counts.Of("clicked"),
        ["unique_opened_count"] = counts => counts.Of("opened.unique"),
        ["unique_clicked_count"] = counts => counts.Of("clicked.unique"),
        ["unsubscribed_count"] = counts => counts.Of("unsubscribed"),
        ["complained_count"] = counts => counts.Of("complained"),
        ["failed_count"] = Failed,
        ["temporary_failed_count"] = counts => counts.Of("failed.temporary"),
        ["permanent_failed_count"] = counts => counts.Of("failed.permanent"),
        ["esp_block_count"] = counts => counts.Of("failed.temporary.espblock"),
        ["temporary_failed_esp_block_count"] = counts => counts.Of("failed.temporary.espblock"),
        ["permanent_failed_esp_block_count"] = counts => counts.Of("failed.permanent.espblock"),
        ["permanent_failed_old_count"] = counts => counts.Of("failed.permanent.old"),
        ["permanent_failed_optimized_count"] = _ => 0,
        ["webhook_count"] = _ => 0,
        ["bounced_count"] = Bounced,
        ["hard_bounces_count"] = counts => counts.Of("failed.permanent.bounce"),
        ["soft_bounces_count"] = counts => counts.Of("failed.permanent.generic")
            + counts.Of("failed.permanent.greylisted") + counts.Of("failed.permanent.blacklisted")
            + counts.Of("failed.permanent.espblock"),
        ["delayed_bounce_count"] = counts => counts.Of("failed.permanent.delayed-bounce"),
        ["suppressed_bounces_count"] = counts => counts.Of("failed.permanent.suppress-bounce"),
        ["suppressed_unsubscribed_count"] = counts => counts.Of("failed.permanent.suppress-unsubscribe"),
        ["suppressed_complaints_count"] = counts => counts.Of("failed.permanent.suppress-complaint"),
    };

    /// <summary>A part, and of what.</summary>
    static readonly Dictionary<string, (string Part, string Whole)> Rates = new(StringComparer.Ordinal)
    {
        ["delivered_rate"] = ("delivered_count", "sent_count"),
        ["opened_rate"] = ("opened_count", "delivered_count"),
        ["clicked_rate"] = ("clicked_count", "delivered_count"),
        ["unique_opened_rate"] = ("unique_opened_count", "delivered_count"),
        ["unique_clicked_rate"] = ("unique_clicked_count", "delivered_count"),
        ["unsubscribed_rate"] = ("unsubscribed_count", "delivered_count"),
        ["complained_rate"] = ("complained_count", "delivered_count"),
        ["bounce_rate"] = ("bounced_count", "processed_count"),
        ["fail_rate"] = ("failed_count", "processed_count"),
        ["permanent_fail_rate"] = ("permanent_failed_count", "processed_count"),
        ["temporary_fail_rate"] = ("temporary_failed_count", "processed_count"),
        ["delayed_rate"] = ("delivered_two_plus_attempts_count", "delivered_count"),
    };

    /// <summary>Mailgun's, for what is not counted here.</summary>
    static readonly HashSet<string> Absent = new(StringComparer.Ordinal)
    {
        "rate_limit_count", "email_validation_count", "email_validation_public_count",
        "email_validation_valid_count", "email_validation_single_count", "email_validation_bulk_count",
        "email_validation_list_count", "email_validation_mailgun_count", "email_validation_mailjet_count",
        "email_preview_count", "email_preview_failed_count", "link_validation_count",
        "link_validation_failed_count", "seed_test_count", "accessibility_count",
        "accessibility_failed_count", "archived_count", "image_validation_count",
        "image_validation_failed_count",
    };

    public static IEnumerable<string> All => Counts.Keys.Concat(Rates.Keys);

    public static bool IsKnown(string name) => Counts.ContainsKey(name) || Rates.ContainsKey(name);

    public static bool IsAbsent(string name) => Absent.Contains(name);

    /// <summary>A number, or a rate as a text with four decimals.</summary>
    /// <param name="name">One that is known.</param>
    public static JsonNode JsonOf(string name, StatsCounts counts) => Rates.ContainsKey(name)
        ? ValueOf(name, counts).ToString("F4", CultureInfo.InvariantCulture)
        : Counts[name](counts);

    /// <summary>Of nothing every part is 0.</summary>
    public static double ValueOf(string name, StatsCounts counts)
    {
        if (!Rates.TryGetValue(name, out var rate))
            return Counts[name](counts);
        var whole = Counts[rate.Whole](counts);
        return whole <= 0 ? 0 : (double)Counts[rate.Part](counts) / whole;
    }

    static long Failed(StatsCounts counts) => counts.Of("failed.temporary") + counts.Of("failed.permanent");

    static long Suppressed(StatsCounts counts) => counts.Of("failed.permanent.suppress-bounce")
        + counts.Of("failed.permanent.suppress-unsubscribe")
        + counts.Of("failed.permanent.suppress-complaint");

    static long Bounced(StatsCounts counts) => counts.Of("failed.permanent") - Suppressed(counts);

    static long Sent(StatsCounts counts) => counts.Of("delivered") + Bounced(counts);

    static long Processed(StatsCounts counts) => counts.Of("delivered") + counts.Of("failed.permanent")
        - counts.Of("failed.permanent.delayed-bounce");
}
