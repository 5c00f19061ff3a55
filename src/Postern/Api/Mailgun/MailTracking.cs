using Postern.Mta.Accounts;

namespace Postern.Api.Mailgun;

/// <summary>What of a message is told of: the domain's settings, and the message's own options over
/// them.</summary>
sealed record MailTracking(PixelPlace Pixel, ClickTracking Clicks, UnsubscribeTracking Unsubscribe)
{
    /// <summary>Each recipient gets a copy with links of his own.</summary>
    public bool IsAny => Pixel != PixelPlace.None || Clicks != ClickTracking.Off || Unsubscribe.IsActive;

    public static MailTracking Of(SendRequest request, DomainSettings settings)
    {
        var isAtTheTop = request.PixelAtTheTop ?? settings.OpenOrDefault.IsAtTheTop;
        return new MailTracking(
            !(request.TracksOpens ?? settings.OpenOrDefault.IsActive) ? PixelPlace.None
                : isAtTheTop ? PixelPlace.Top : PixelPlace.Bottom,
            request.TracksClicks ?? settings.Click, settings.UnsubscribeOrDefault);
    }
}

/// <summary>Where the picture stands that tells of openings.</summary>
enum PixelPlace { None, Top, Bottom }
