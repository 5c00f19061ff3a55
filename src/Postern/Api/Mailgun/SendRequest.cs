using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Postern.Mta.Accounts;
using Postern.Mta.Intake;

namespace Postern.Api.Mailgun;

/// <summary>What <c>messages</c> and <c>messages.mime</c> were asked for: a form that was
/// understood.</summary>
/// <remarks>Fields that nobody knows are left alone: some clients pass whatever they are given.</remarks>
sealed class SendRequest
{
    public const int RecipientsMax = 1000;
    const int OptionOctetsMax = 16 << 10;
    const int TagsMax = 10;
    const int TagCharactersMax = 128;
    const int HeaderNameCharactersMax = 76;
    const int VariablesDepthMax = 16;
    static readonly RenderLimits FromLimits = new(CharactersMax: 4096, StepsMax: 1000);
    static readonly TimeSpan AheadMax = TimeSpan.FromDays(7);

    /// <summary>Fields that the message's own parameters make, and those that say what others found or did: a
    /// caller does not write them.</summary>
    static readonly HashSet<string> NotTaken = new(StringComparer.OrdinalIgnoreCase)
    {
        "From", "To", "Cc", "Bcc", "Subject", "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
        "Received", "Return-Path", "Delivered-To", "DKIM-Signature", "Authentication-Results",
        "ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results", "X-Mailgun-Variables",
    };

    readonly ApiForm form;

    SendRequest(ApiForm form) => this.form = form;

    /// <summary>Of a template, where the request has none.</summary>
    public IReadOnlyList<ApiAddress> From { get; private set; } = [];

    public required IReadOnlyList<ApiAddress> To { get; init; }
    public IReadOnlyList<ApiAddress> Cc { get; private set; } = [];
    public IReadOnlyList<ApiAddress> Bcc { get; private set; } = [];
    public string Subject => form.Find("subject") ?? "";
    public string? Text => form.Find("text");
    public string? Html => TemplateName is null ? form.Find("html") : null;
    public string? Amp => form.Find("amp-html");
    /// <summary>Of a stored template. Null: none is asked for.</summary>
    public string? TemplateName => form.Find("template") is { Length: > 0 } name ? name : null;

    /// <summary>Null: the active version.</summary>
    public string? TemplateTag => form.Find("t:version") is { Length: > 0 } tag ? tag : null;

    /// <summary>What makes the HTML. Null: the request has its own.</summary>
    public SendTemplate? Template { get; private set; }

    /// <summary>A text is made of the template's HTML.</summary>
    public bool MakesText => TemplateName is not null && MailgunFields.IsYes(form.Find("t:text"));

    public TemplateValue TemplateVariables { get; private set; } = TemplateValue.Missing;

    public IEnumerable<ApiFile> Attachments => Files("attachment");
    public IEnumerable<ApiFile> Inlines => Files("inline");

    /// <summary>Names and values of <c>h:</c>, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; private set; } = [];

    public IReadOnlyList<string> Tags { get; private set; } = [];

    /// <summary>A JSON object with texts. Null: none.</summary>
    public string? Variables { get; private set; }

    public DateTimeOffset? DeliverAt { get; private set; }
    public bool IsTest { get; private set; }
    public bool RequiresTls { get; private set; }

    /// <summary>Null: as long as the route and the queue give.</summary>
    public TimeSpan? DeliverWithin { get; private set; }

    /// <summary>Whether openings are told. Null: as the domain says.</summary>
    public bool? TracksOpens { get; private set; }

    /// <summary>Which clicks are told. Null: as the domain says.</summary>
    public ClickTracking? TracksClicks { get; private set; }

    /// <summary>Where the pixel stands. Null: as the domain says.</summary>
    public bool? PixelAtTheTop { get; private set; }

    /// <summary>Some text of it has a place for a link that unsubscribes its recipient.</summary>
    public bool AsksForUnsubscribe => MailLinks.IsIn(Text) || MailLinks.IsIn(Html) || MailLinks.IsIn(Amp)
        || MailLinks.IsIn(Template?.Source) || Headers.Any(header => MailLinks.IsIn(header.Value))
        || VariableFields.Any(name => MailLinks.IsIn(form.Find(name)));

    static readonly string[] VariableFields = ["t:variables", "recipient-variables", "h:X-Mailgun-Variables"];

    /// <summary>Not null, be it empty: each of <see cref="To"/> gets a message of his own.</summary>
    public RecipientVariables? Batch { get; private set; }

    /// <summary>Of <c>messages</c>.</summary>
    /// <exception cref="ApiException">The first thing that is wrong with it.</exception>
    public static SendRequest Read(ApiForm form, TimeProvider clock)
    {
        CheckControls(form);
        var isFromMissing = string.IsNullOrWhiteSpace(form.Find("from"));
        if (isFromMissing && string.IsNullOrEmpty(form.Find("template")))
            throw new ApiException(400, "from parameter is missing");
        var request = new SendRequest(form)
        {
            From = isFromMissing ? [] : ReadAddresses(form, "from"),
            To = ReadTo(form),
        };
        request.Cc = ReadAddresses(form, "cc");
        request.Bcc = ReadAddresses(form, "bcc");
        if (request.To.Count + request.Cc.Count + request.Bcc.Count > RecipientsMax)
            throw new ApiException(400, $"Too many recipients, max is {RecipientsMax}");
        if (request.TemplateName is not null && form.Find("html") is { Length: > 0 })
            throw new ApiException(400, "Only one parameters 'html' or 'template' is allowed");
        if (request is { Text: null, Html: null, Amp: null, TemplateName: null })
            throw new ApiException(
                400,
                "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified");
        request.ReadOptions(clock);
        return request;
    }

    /// <summary>Takes what the request does not say itself from the template it names.</summary>
    /// <exception cref="ApiException">There is no author in either.</exception>
    public void Use(SendTemplate template)
    {
        Template = template;
        if (From.Count > 0)
            return;
        var from = template.Headers.TryGetValue("From", out var line) ? line.Render(
            TemplateVariables, TemplateEscaping.None, static text => text, FromLimits).Text : null;
        if (string.IsNullOrWhiteSpace(from))
            throw new ApiException(400, "from parameter is missing");
        From = !HasControl(from) && ApiAddress.ParseList(from) is { Count: > 0 } authors ? authors
            : throw new ApiException(
                400, "from parameter is not a valid address. please check documentation");
    }

    /// <summary>Of <c>messages.mime</c>: the envelope stands in <c>to</c>, the rest in the MIME.</summary>
    /// <exception cref="ApiException">The first thing that is wrong with it.</exception>
    public static SendRequest ReadMime(ApiForm form, TimeProvider clock)
    {
        CheckControls(form);
        var request = new SendRequest(form) { To = ReadTo(form) };
        if (request.To.Count > RecipientsMax)
            throw new ApiException(400, $"Too many recipients, max is {RecipientsMax}");
        request.ReadOptions(clock);
        return request;
    }

    public static List<ApiAddress> ReadTo(ApiForm form)
    {
        if (form.All("to").All(string.IsNullOrWhiteSpace))
            throw new ApiException(400, "to parameter is missing");
        return ReadAddresses(form, "to");
    }

    static List<ApiAddress> ReadAddresses(ApiForm form, string field)
    {
        var all = new List<ApiAddress>();
        foreach (var value in form.All(field))
            all.AddRange(ApiAddress.ParseList(value) ?? throw new ApiException(
                400, $"{field} parameter is not a valid address. please check documentation"));
        return [.. all.DistinctBy(one => one.Mailbox.ToString(), StringComparer.OrdinalIgnoreCase)];
    }

    /// <summary>A control character in a header field would begin another one.</summary>
    static void CheckControls(ApiForm form)
    {
        foreach (var (name, value) in form.Fields)
        {
            var isHeader = name is "from" or "to" or "cc" or "bcc" or "subject"
                || name.StartsWith("h:", StringComparison.Ordinal)
                || name.StartsWith("o:", StringComparison.Ordinal);
            if ((isHeader && HasControl(value)) || HasControl(name))
                throw new ApiException(
                    400, $"{ApiException.Shown(name)} parameter holds a control character");
        }
        foreach (var file in form.Files)
        {
            if (HasControl(file.Name))
                throw new ApiException(400, $"a file name of {file.Field} holds a control character");
        }
    }

    public static bool HasControl(string text) =>
        text.AsSpan().ContainsAnyInRange('\0', '\u0008') || text.AsSpan().ContainsAnyInRange('\n', '\u001f')
        || text.AsSpan().ContainsAnyInRange('\u007f', '\u009f')
        || text.AsSpan().ContainsAny('\u2028', '\u2029');

    void ReadOptions(TimeProvider clock)
    {
        var octets = form.Fields.Where(field => field.Key is ['o' or 'h' or 'v' or 't', ':', ..])
            .Sum(field => Encoding.UTF8.GetByteCount(field.Key) + Encoding.UTF8.GetByteCount(field.Value));
        if (octets > OptionOctetsMax)
            throw new ApiException(
                400, "Send options (parameters starting with o:, h:, v:, or t:) are limited to 16KB total");
        Headers = [.. form.Fields.Where(field => field.Key.StartsWith("h:", StringComparison.Ordinal))
            .Select(ReadHeader).OfType<KeyValuePair<string, string>>()];
        Variables = ReadVariables();
        if (TemplateName is not null)
            TemplateVariables = ReadTemplateVariables();
        Tags = ReadTags();
        IsTest = MailgunFields.IsYes(form.Find("o:testmode"));
        RequiresTls = MailgunFields.IsYes(form.Find("o:require-tls"));
        DeliverWithin = ReadWindow();
        var tracking = ReadTracking("o:tracking");
        TracksClicks = ReadTracking("o:tracking-clicks") ?? tracking;
        TracksOpens = (ReadTracking("o:tracking-opens") ?? tracking) is { } opens
            ? opens != ClickTracking.Off : null;
        PixelAtTheTop = ReadTracking("o:tracking-pixel-location-top") is { } top
            ? top != ClickTracking.Off : null;
        DeliverAt = ReadTime(clock.GetUtcNow());
        Batch = form.Find("recipient-variables") is { } json ? RecipientVariables.Parse(json) : null;
    }

    static KeyValuePair<string, string>? ReadHeader(KeyValuePair<string, string> field)
    {
        var name = field.Key[2..];
        if (name.Length is 0 or > HeaderNameCharactersMax || name.AsSpan().ContainsAnyExceptInRange('!', '~')
            || name.Contains(':', StringComparison.Ordinal))
            throw new ApiException(
                400, $"Header name must be pure ASCII: {ApiException.Shown(name)}");
        return NotTaken.Contains(name) ? null : new(name, field.Value);
    }

    string[] ReadTags()
    {
        string[] tags = [.. form.All("o:tag").Where(tag => tag.Length > 0)
            .Distinct(StringComparer.OrdinalIgnoreCase)];
        if (tags.Length > TagsMax)
            throw new ApiException(400, $"a message may have {TagsMax} tags");
        return tags.All(tag => tag.Length <= TagCharactersMax && Ascii.IsValid(tag))
            ? tags : throw new ApiException(400, $"a tag is up to {TagCharactersMax} characters of ASCII");
    }

    string? ReadVariables()
    {
        var variables = new JsonObject();
        foreach (var json in form.All("h:X-Mailgun-Variables"))
            AddObject(variables, json);
        foreach (var (name, value) in form.Fields)
        {
            if (name.StartsWith("v:", StringComparison.Ordinal) && name.Length > 2)
                variables[name[2..]] = value;
        }
        return variables.Count == 0 ? null : variables.ToJsonString();
    }

    static void AddObject(JsonObject variables, string json) =>
        ForEachMember("h:X-Mailgun-Variables", json, member =>
            variables[member.Name] = RecipientVariables.TextOf(member.Value));

    /// <summary><c>t:variables</c> over <c>v:</c> over <c>h:X-Mailgun-Variables</c>.</summary>
    TemplateValue.Map ReadTemplateVariables()
    {
        var variables = new OrderedDictionary<string, TemplateValue>(StringComparer.Ordinal);
        foreach (var json in form.All("h:X-Mailgun-Variables"))
            ForEachMember("h:X-Mailgun-Variables", json, member =>
                variables[member.Name] = TemplateValue.Of(member.Value));
        foreach (var (name, value) in form.Fields)
        {
            if (name.StartsWith("v:", StringComparison.Ordinal) && name.Length > 2)
                variables[name[2..]] = new TemplateValue.Words(value);
        }
        if (form.Find("t:variables") is { Length: > 0 } own)
            ForEachMember("t:variables", own, member =>
                variables[member.Name] = TemplateValue.Of(member.Value));
        return new TemplateValue.Map(variables);
    }

    static void ForEachMember(string field, string json, Action<JsonProperty> take)
    {
        try
        {
            var options = new JsonDocumentOptions { MaxDepth = VariablesDepthMax };
            using var document = JsonDocument.Parse(json, options);
            foreach (var member in document.RootElement.EnumerateObject())
                take(member);
        }
        // Half of a surrogate pair is no text, and an array no object.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ApiException(400, $"'{field}' parameter is not a valid JSON", e);
        }
    }

    /// <summary>What is past is at once.</summary>
    DateTimeOffset? ReadTime(DateTimeOffset now)
    {
        if (form.Find("o:deliverytime") is not { Length: > 0 } text)
            return null;
        if (!ApiDates.TryParseMail(text, out var at))
            throw new ApiException(
                400, $"'{ApiException.Shown(text)}' is not an RFC-2822 compliant date");
        if (at - now > AheadMax)
            throw new ApiException(400, $"o:deliverytime may be {AheadMax.Days} days ahead");
        return at > now ? at : null;
    }

    TimeSpan? ReadWindow()
    {
        if (form.Find("o:deliver-within") is not { Length: > 0 } text)
            return null;
        return DeliveryWindow.TryParse(text, out var window) ? window : throw new ApiException(
            400, $"o:deliver-within '{ApiException.Shown(text)}' is no time like 1h30m between 5m and 24h");
    }

    /// <summary>Null: it is not said, or not in words that are known.</summary>
    ClickTracking? ReadTracking(string field) => form.Find(field)?.ToLowerInvariant() switch
    {
        "yes" or "true" or "1" => ClickTracking.On,
        "no" or "false" or "0" => ClickTracking.Off,
        "htmlonly" => ClickTracking.HtmlOnly,
        _ => null,
    };

    IEnumerable<ApiFile> Files(string field) =>
        form.Files.Where(file => file.Field == field && file.Name.Length > 0);
}
