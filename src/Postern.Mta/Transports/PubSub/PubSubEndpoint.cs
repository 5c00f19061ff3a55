using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Postern.Mta.Transports.PubSub;

/// <summary>Where Pub/Sub answers, and with what credentials it is asked.</summary>
/// <param name="Credentials">Null: an emulator on this machine, which wants none.</param>
sealed record PubSubEndpoint(Uri Address, PubSubCredentials? Credentials)
{
    /// <summary>Google's convention: <c>host:port</c> of an emulator, plain text.</summary>
    public const string EmulatorVariable = "PUBSUB_EMULATOR_HOST";

    const int PortDefault = 8085;

    public static PubSubEndpoint Live(TimeProvider clock) =>
        new(new Uri("https://pubsub.googleapis.com/"), new PubSubCredentials(clock));

    public static PubSubEndpoint Emulator(string host, int port) =>
        new(new UriBuilder(Uri.UriSchemeHttp, host, port).Uri, null);

    /// <param name="emulator">The value of <see cref="EmulatorVariable"/>. Null or empty: the live
    /// service.</param>
    public static bool TryFind(
        string? emulator,
        TimeProvider clock,
        [NotNullWhen(true)] out PubSubEndpoint? endpoint,
        [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        endpoint = null;
        if (string.IsNullOrEmpty(emulator))
        {
            endpoint = Live(clock);
            return true;
        }
        var scheme = emulator.IndexOf("://", StringComparison.Ordinal);
        var place = (scheme < 0 ? emulator : emulator[(scheme + 3)..]).TrimEnd('/');
        // DESIGN §9.6: a variable left over from a test must not send mail in plain text to another machine.
        if (!Uri.TryCreate($"http://{place}", UriKind.Absolute, out var address) || !IsLoopback(address))
            problem =
                $"{EmulatorVariable} is {emulator}: only an emulator on this machine's loopback is allowed";
        else
            endpoint = Emulator(address.Host, place.EndsWith(
                $":{address.Port.ToString(CultureInfo.InvariantCulture)}", StringComparison.Ordinal)
                ? address.Port : PortDefault);
        return problem is null;
    }

    static bool IsLoopback(Uri address) =>
        address.IdnHost.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(address.DnsSafeHost, out var ip) && IPAddress.IsLoopback(ip));
}
