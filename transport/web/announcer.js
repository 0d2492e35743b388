// What a screen reader is told: a whole turn once it is over, never word by word.

const KEPT = 4; // a reader that is behind still finds what it has not read

export function announcerIn(region) {
  return (message) => {
    if (!message.trim()) return;
    const element = document.createElement("p");
    element.textContent = message;
    region.append(element);
    while (region.children.length > KEPT) region.firstElementChild.remove();
  };
}
