using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Postern.Mta.Webhooks;

/// <summary>An event on its way to one address; it is in the store until it was answered.</summary>
/// <param name="Event">Its place in the order of commits.</param>
/// <param name="Attempts">Made so far.</param>
sealed record WebhookDelivery(string Url, string Domain, string Type, long Event, int Attempts)
{
    const int LineCharacters = 32;
    const int NumberDigits = 16;

    /// <summary>Its name in the store: those to one address stand together, in the order in which they fall
    /// due.</summary>
    public string NameAt(DateTimeOffset due) =>
        string.Create(CultureInfo.InvariantCulture, $"{LineOf(Url)}/{due.UtcTicks:x16}/{Event:x16}");

    /// <summary>The same for all deliveries to an address.</summary>
    static string LineOf(string url) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(url)))[..LineCharacters];

    /// <summary>What the names of its line begin with.</summary>
    public static string PrefixOf(string name) => name[..(LineCharacters + 1)];

    public static DateTimeOffset DueOf(string name) => new(
        long.Parse(
            name.AsSpan(LineCharacters + 1, NumberDigits), NumberStyles.HexNumber,
            CultureInfo.InvariantCulture),
        TimeSpan.Zero);
}
