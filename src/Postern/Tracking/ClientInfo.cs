using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Postern.Tracking;

/// <summary>Who followed a link, as far as a request tells: members of Mailgun's event.</summary>
/// <remarks>No geolocation: nobody is asked where an address is.</remarks>
static class ClientInfo
{
    const int AgentCharactersMax = 500;
    const string Unknown = "unknown";

    /// <summary>A word in the User-Agent field, and what it tells; the first that is there counts.</summary>
    static readonly (string Word, string Name)[] Bots =
    [
        ("GoogleImageProxy", "gmail"), ("YahooMailProxy", "yahoo"), ("bot", "generic"),
        ("crawler", "generic"), ("spider", "generic"),
    ];

    static readonly (string Word, string Name, string Type)[] Clients =
    [
        ("Thunderbird", "thunderbird", "email client"), ("Outlook", "outlook", "email client"),
        ("Edg/", "edge", "browser"), ("OPR/", "opera", "browser"),
        ("SamsungBrowser", "samsung browser", "browser"), ("NAVER", "naver", "mobile browser"),
        ("KAKAOTALK", "kakaotalk", "mobile browser"), ("Firefox", "firefox", "browser"),
        ("Chrome", "chrome", "browser"), ("Safari", "safari", "browser"),
    ];

    static readonly (string Word, string Os, string Device)[] Systems =
    [
        ("iPhone", "ios", "mobile"), ("iPad", "ios", "tablet"), ("Android", "android", "mobile"),
        ("Windows", "windows", "desktop"), ("Macintosh", "macos", "desktop"), ("Linux", "linux", "desktop"),
    ];

    /// <summary>A JSON object. What the request does not tell is <c>unknown</c> or empty.</summary>
    /// <param name="url">What was followed. Null: none was.</param>
    public static string DetailsOf(HttpContext context, string? url)
    {
        var agent = context.Request.Headers.UserAgent.ToString();
        agent = string.Concat(agent.Take(AgentCharactersMax).Select(c => c is >= ' ' and <= '~' ? c : '?'));
        var client = Clients.FirstOrDefault(one => Has(agent, one.Word));
        var system = Systems.FirstOrDefault(one => Has(agent, one.Word));
        var bot = Bots.FirstOrDefault(one => Has(agent, one.Word)).Name ?? "";
        var address = context.Connection.RemoteIpAddress ?? IPAddress.None;
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        return JsonSerializer.Serialize(
            new ReactionDetails(
                address.ToString(),
                new ClientFields(
                    bot.Length > 0 ? "robot" : client.Type ?? Unknown, system.Os ?? Unknown,
                    system.Device ?? Unknown, client.Name ?? Unknown, agent, bot),
                url),
            ReactionJson.Default.ReactionDetails);
    }

    static bool Has(string agent, string word) => agent.Contains(word, StringComparison.OrdinalIgnoreCase);
}

/// <summary>What an event tells of who reacted.</summary>
sealed record ReactionDetails(string Ip, ClientFields ClientInfo, string? Url);

sealed record ClientFields(
    string ClientType, string ClientOs, string DeviceType, string ClientName, string UserAgent, string Bot);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ReactionDetails))]
sealed partial class ReactionJson : JsonSerializerContext;
