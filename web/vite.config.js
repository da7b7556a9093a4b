import {svelte} from '@sveltejs/vite-plugin-svelte';
import {defineConfig} from 'vite';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,  // the content security policy allows no data: addresses
    modulePreload: {polyfill: false},
    license: {fileName: 'licences.txt'},  // of what is bundled; the page links to it
  },
  // `npm run dev`: the page with a running store behind it.
  server: {proxy: {'/api': process.env.BELEG_STORE ?? 'http://127.0.0.1:3301'}},
});
